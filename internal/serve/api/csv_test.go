package api

import "testing"

func TestNoTextIsAFormula(t *testing.T) {
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "\"'\r=1\"", `"=1"`: `"'""=1"""`, " =1": "' =1", "＝1": "'＝1", "a=1": "a=1", "": `""`,
	} {
		e := csvEncoder{}
		e.appendCell(text, true)
		if got := string(e.line); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
