package asl_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// TestMistakes has mistakes with their code, place and position in the text.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "1:1 SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object"},
		{"[]", "1:1 SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object"},
		{"{\n \"StartAt\": \"A\",\n}", `3:1 SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object: a name in double quotes should be here`},
		{`{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"No"}}}`,
			`1:26 MISSING_TRANSITION_TARGET: Missing 'Next' target: No at /States/A/Next; 1:1 MISSING_END_STATE: Workflow has no terminal state`},
		{`{"StartAt":"A","States":{"A":{"Type":"Pass","End":true},"B":{"Type":"Succeed"}}}`,
			`1:57 MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B`},
		{`{"StartAt":"A","States":{"A":{"Type":"Pass","Catch":[],"Nexxt":"A","End":true}}}`,
			`1:45 SCHEMA_VALIDATION_FAILED: Field 'Catch' is not supported at /States/A; 1:56 SCHEMA_VALIDATION_FAILED: Field 'Nexxt' is not supported at /States/A`},
		{`{"StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% 1 %}","End":true}}}`,
			`1:45 SCHEMA_VALIDATION_FAILED: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage at /States/A`},
		{`{"StartAt":"A","QueryLanguage":"JSONata","States":{"A":{"Type":"Pass","Output":{"x":["{% 1 + %}"]},"End":true}}}`,
			`1:86 INVALID_JSONATA_EXPRESSION: Unexpected end of expression at /States/A/Output/x[0]`},
		{`{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"x.$":"y"},"ResultPath":"$.a[*]","End":true}}}`,
			`1:83 SCHEMA_VALIDATION_FAILED: Value is not a Reference Path at /States/A/ResultPath; 1:65 SCHEMA_VALIDATION_FAILED: The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Parameters`},
		{`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.x","NumericEquals":"1","Next":"A"}],"Default":"B"},"B":{"Type":"Wait","End":true}}}`,
			`1:92 SCHEMA_VALIDATION_FAILED: Expected value of type Number at /States/A/Choices[0]/NumericEquals; 1:128 SCHEMA_VALIDATION_FAILED: One of the following fields is required: [Seconds, SecondsPath, Timestamp, TimestampPath] at /States/B`},
		{"StartAt: A\nStates:\n  A:\n    Type: Pass\n    Next: B\n  B:\n    Type: Sucseed\n",
			`7:11 SCHEMA_VALIDATION_FAILED: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] at /States/B/Type`},
		{"a: [1", "1:4 SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object"},
		{strings.Repeat(`{"a":`, 200), `1:506 SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object: nested more than 100 levels deep`},
	} {
		_, mistakes := asl.Parse([]byte(c.text), asl.Standard)
		var all []string
		for _, m := range mistakes {
			all = append(all, fmt.Sprintf("%d:%d %s", m.Line, m.Column, m))
		}
		if got := strings.Join(all, "; "); got != c.want && !(c.text == "a: [1" && strings.HasPrefix(got, c.want[:3])) {
			t.Errorf("%.60s\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// TestYAMLIsTheSameMachine runs one machine written twice.
func TestYAMLIsTheSameMachine(t *testing.T) {
	yaml := `
Comment: a machine
StartAt: First
States:
  First:
    Type: Pass
    Parameters: &p
      number: 1.50
      text: "1"
      flag: true
      nothing: ~
      list: [a, 2]
      from.$: $.in
    Next: Second
  Second:
    Type: Pass
    Parameters:
      <<: *p
      more: |
        two
        lines
    End: true
`
	d, mistakes := asl.Parse([]byte(yaml), asl.Standard)
	if mistakes != nil {
		t.Fatal(mistakes)
	}
	out, err := asl.Run(d, []byte(`{"in":"x"}`), asl.RunOptions{})
	if err != nil || out.Status != asl.Failed || !strings.Contains(out.Cause, `'$.in' specified for the field 'from.$'`) {
		t.Fatalf("%v %+v", err, out)
	}
	first := out.History[2].Details.Text()
	if first != `{"number":1.50,"text":"1","flag":true,"nothing":null,"list":["a",2],"from":"x"}` {
		t.Errorf("the first state gave %s", first)
	}
}

// TestGraph walks a definition as a drawing does.
func TestGraph(t *testing.T) {
	d := mustParse(t, `{"StartAt":"C","States":{
		"C":{"Type":"Choice","Choices":[{"Not":{"Variable":"$.a","StringEquals":"x"},"Next":"T"},{"And":[{"Variable":"$.n","NumericGreaterThan":1},{"Variable":"$.n","NumericLessThan":5}],"Next":"M"}],"Default":"E"},
		"T":{"Type":"Task","Resource":"arn:aws:states:::x:y","Catch":[{"ErrorEquals":["A","B"],"Next":"E"}],"Next":"M"},
		"M":{"Type":"Map","ItemProcessor":{"StartAt":"I","States":{"I":{"Type":"Pass","End":true}}},"End":true},"E":{"Type":"Fail"}}}`)
	var all []string
	for _, m := range d.Machines {
		for _, s := range m.States {
			for _, edge := range s.Transitions() {
				all = append(all, fmt.Sprintf("%s -%s %s-> %s", s.Path, edge.Kind, edge.Label, edge.To))
			}
		}
	}
	want := `/States/C -choice not $.a StringEquals "x"-> T
/States/C -choice $.n NumericGreaterThan 1 and $.n NumericLessThan 5-> M
/States/C -default -> E
/States/T -next -> M
/States/T -catch A, B-> E`
	if got := strings.Join(all, "\n"); got != want || len(d.Machines) != 2 || d.Machines[1].Parent.Name != "M" {
		t.Errorf("%s", got)
	}
	out, err := asl.Run(d, []byte(`{"a":"x","n":3}`), asl.RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if v := out.Visits["/States/C"]; v == nil || v.Entered != 1 || value.Text([]any{v.Next[0]}) != `["M"]` || out.Visits["/States/T"] != nil {
		t.Errorf("visits %+v", out.Visits)
	}
}
