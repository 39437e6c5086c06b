package asl_test

import (
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// FuzzDefinition: whatever the text, there are mistakes with places or a definition that runs within its bounds.
func FuzzDefinition(f *testing.F) {
	for _, text := range []string{
		`{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"x.$":"States.Format('{}', $.a)"},"Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$.x","StringMatches":"a*","Next":"A"}],"Default":"C"},"C":{"Type":"Succeed"}}}`,
		`{"StartAt":"M","QueryLanguage":"JSONata","States":{"M":{"Type":"Map","Items":"{% [1..40] %}","ItemProcessor":{"StartAt":"T","States":{"T":{"Type":"Task","Resource":"arn:aws:states:::x:y","Assign":{"v":"{% $states.result %}"},"Retry":[{"ErrorEquals":["States.ALL"]}],"Catch":[{"ErrorEquals":["States.ALL"],"Next":"W"}],"Next":"W"},"W":{"Type":"Wait","Seconds":3,"End":true}}},"End":true}}}`,
		`{"StartAt":"P","States":{"P":{"Type":"Parallel","Branches":[{"StartAt":"D","States":{"D":{"Type":"Map","ItemBatcher":{"MaxItemsPerBatch":2},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"F","States":{"F":{"Type":"Fail","ErrorPath":"$.e"}}},"End":true}}}],"ResultPath":"$.r","End":true}}}`,
		"StartAt: A\nStates:\n  A: &a\n    Type: Pass\n    Result: [1, 0x1f, ~, yes]\n    Next: B\n  B:\n    <<: *a\n    Next: A\n  C: {Type: Succeed}\n",
		`{"StartAt":"L","States":{"L":{"Type":"Choice","Choices":[{"And":[{"Variable":"$","IsPresent":true}],"Next":"L"}]},"E":{"Type":"Fail"}}}`,
	} {
		f.Add([]byte(text), []byte(`{"a":[1,2,3],"e":"E"}`))
	}
	f.Fuzz(func(t *testing.T, text, input []byte) {
		d, mistakes := asl.Parse(text, asl.Standard)
		if (d == nil) != (len(mistakes) > 0) {
			t.Fatalf("definition %v with mistakes %v", d, mistakes)
		}
		for _, m := range mistakes {
			if m.Code == "" || m.Message == "" || m.Line < 1 || m.Column < 1 {
				t.Fatalf("mistake without code, message or place: %+v", m)
			}
		}
		if d == nil {
			return
		}
		if _, err := value.Parse(input); err != nil {
			input = []byte(`{}`)
		}
		calls := 0
		tasks := asl.TasksFunc(func(c asl.Call) asl.Answer {
			if calls++; calls%3 == 0 {
				return asl.Answer{Error: "Third", Cause: "time unlucky", Delay: time.Second}
			}
			return asl.Answer{Output: c.Parameters}
		})
		out, err := asl.Run(d, input, asl.RunOptions{Tasks: tasks, MaxTransitions: 300})
		if err == nil && out.Status == asl.Running {
			t.Fatal("the run ended before the execution")
		}
	})
}
