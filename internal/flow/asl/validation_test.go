package asl_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// definitionOf is the text of a case's definition, which may be no JSON at all.
func definitionOf(c *value.Object) []byte {
	if text, ok := member(c, "definition").(string); ok {
		return []byte(text)
	}
	return value.Append(nil, member(c, "definition"))
}

func TestRecordedValidations(t *testing.T) {
	cases := recorded(t, "asl_validation.jsonl")
	right, elsewhere, mislabelled := 0, 0, 0
	for _, c := range cases {
		want := objectOf(c, "expected")
		if code := textOf(objectOf(want, "Error"), "Code"); code != "" && code != "InvalidDefinition" {
			elsewhere++ // a mistake of the request around a good definition
			if _, mistakes := asl.Parse(definitionOf(c), asl.Kind(textOf(c, "type"))); mistakes != nil {
				t.Errorf("%s: %v", textOf(c, "name"), mistakes)
			}
			continue
		}
		_, mistakes := asl.Parse(definitionOf(c), asl.Kind(textOf(c, "type")))
		err := judgeMistakes(want, mistakes)
		if err != nil && mistakes == nil {
			// Recordings of ValidateStateMachineDefinition for EXPRESS machines are listed as STANDARD.
			if _, mistakes = asl.Parse(definitionOf(c), asl.Express); judgeMistakes(want, mistakes) == nil {
				mislabelled, err = mislabelled+1, nil
			}
		}
		if err != nil {
			t.Errorf("%s: %v", textOf(c, "name"), err)
			continue
		}
		right++
	}
	t.Logf("asl_validation.jsonl: %d of %d right in code and place, %d of them as EXPRESS, which the case calls STANDARD; %d more are about the request, not the definition",
		right, len(cases)-elsewhere, mislabelled, elsewhere)
}

var emulated = regexp.MustCompile(`^Error=ValueError Args=\[(?:"([^"]*(?:\\.[^"]*)*)"|'(.*?)')\] in definition`)

// judgeMistakes compares mistakes with what CreateStateMachine or ValidateStateMachineDefinition answered.
func judgeMistakes(want *value.Object, got asl.Mistakes) error {
	if message := textOf(objectOf(want, "Error"), "Message"); message != "" {
		if parts := emulated.FindStringSubmatch(message); parts != nil { // recorded without a place
			message = parts[1] + parts[2]
			if len(got) == 1 && got[0].Code == asl.CodeSchema && got[0].Message == strings.ReplaceAll(message, `\\`, `\`) || len(got) == 1 && got[0].Message == message {
				return nil
			}
			return fmt.Errorf("mistakes %w, recorded %q", got, message)
		}
		if got == nil || got.Error() != message {
			return fmt.Errorf("mistakes %w, recorded %s", got, message)
		}
		return nil
	}
	diagnostics := listOf(want, "diagnostics")
	if len(diagnostics) != len(got) {
		return fmt.Errorf("mistakes %w, recorded %s", got, value.Text(diagnostics))
	}
	for i, entry := range diagnostics {
		d := entry.(*value.Object)
		if got[i].Code != textOf(d, "code") || got[i].Path != textOf(d, "location") || got[i].Message != textOf(d, "message") {
			return fmt.Errorf("mistake %v, recorded %s", got[i], value.Text(d))
		}
	}
	return nil
}
