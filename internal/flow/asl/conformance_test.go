package asl_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// recorded reads the cases of a file of ../shared/conformance; the test is skipped where the folder is absent.
func recorded(t testing.TB, file string) []*value.Object {
	t.Helper()
	path := filepath.Join("..", "..", "..", "..", "shared", "conformance", file)
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("SKIPPED: the recorded cases are not here: %v", err)
	}
	defer f.Close()
	var cases []*value.Object
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		v, err := value.Parse(lines.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		cases = append(cases, v.(*value.Object))
	}
	return cases
}

func member(o *value.Object, name string) any {
	if o == nil {
		return nil
	}
	v, _ := o.Get(name)
	return v
}

func textOf(o *value.Object, name string) string {
	text, _ := member(o, name).(string)
	return text
}

func objectOf(o *value.Object, name string) *value.Object {
	v, _ := member(o, name).(*value.Object)
	return v
}

func listOf(o *value.Object, name string) []any {
	v, _ := member(o, name).([]any)
	return v
}

// play runs a recorded case in virtual time.
func play(c *value.Object) (*asl.Outcome, error) {
	kind := asl.Kind(textOf(c, "type"))
	d, mistakes := asl.Parse(value.Append(nil, member(c, "definition")), kind)
	if mistakes != nil {
		return nil, mistakes
	}
	o := asl.RunOptions{Account: "111111111111", Tasks: &answerer{objectOf(c, "lambdas"), listOf(c, "history")}, Objects: storeOf(c), Start: recordedAt(c), Seed: 7}
	if slices.Contains(listOf(c, "fixtures"), "api:stop_execution") {
		o.Stop = time.Second
	}
	return asl.Run(d, value.Append(nil, member(c, "input")), o)
}

func recordedAt(c *value.Object) time.Time {
	at, err := time.Parse("02-01-2006, 15:04:05", textOf(c, "recorded"))
	if err != nil {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return at
}

// judge compares an outcome with the recorded one, not counting the history.
func judge(c *value.Object, out *asl.Outcome) error {
	want := objectOf(c, "expected")
	r := newRules(c)
	if string(out.Status) != textOf(want, "status") {
		return fmt.Errorf("status %s, recorded %s; error %s: %s", out.Status, textOf(want, "status"), out.Error, out.Cause)
	}
	if recorded, ok := want.Get("output"); ok {
		if err := r.compare("output", recorded, r.transform(out.Output)); err != nil {
			return err
		}
	}
	if err := r.compare("error", member(want, "error"), orNull(out.Error)); err != nil {
		return err
	}
	return r.compare("cause", member(want, "cause"), r.transform(orNull(out.Cause)))
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func TestRecordedExecutions(t *testing.T) {
	for _, file := range []string{"asl.jsonl", "asl_services.jsonl"} {
		t.Run(file, func(t *testing.T) { playAll(t, file) })
	}
}

func playAll(t *testing.T, file string) {
	cases := recorded(t, file)
	right, histories, older, rightHistories, skipped := 0, 0, 0, 0, 0
	for _, c := range cases {
		if unanswerable(c) {
			skipped++
			continue
		}
		name := textOf(c, "name")
		out, err := play(c)
		if err == nil {
			err = judge(c, out)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		right++
		if history := listOf(c, "history"); history != nil {
			histories++
			r := newRules(c)
			err := r.history(history, out)
			if err != nil && r.older(c) {
				r.mapRunExit = true
				if err = r.history(history, out); err == nil {
					older++
				}
			}
			if err == nil {
				rightHistories++
			} else {
				t.Errorf("%s: history: %v", name, err)
			}
		}
	}
	t.Logf("%s: %d of %d cases right in status, output, error and cause (%d call functions that the case does not describe); %d of %d histories right, %d of them by the rule of before November 2024",
		file, right, len(cases)-skipped, skipped, rightHistories, histories, older)
}

// unanswerable says that a case calls functions that it does not describe.
func unanswerable(c *value.Object) bool {
	for _, behaviour := range objectsOf(objectOf(c, "lambdas")) {
		if behaviour == nil {
			return true
		}
	}
	return false
}

func objectsOf(o *value.Object) []any {
	var all []any
	if o != nil {
		for _, v := range o.All() {
			all = append(all, member(v.(*value.Object), "behaviour"))
		}
	}
	return all
}
