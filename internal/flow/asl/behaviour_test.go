package asl_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// scripted answers the tasks of a state in turn; the last answer repeats.
func scripted(answers map[string][]asl.Answer) asl.Tasks {
	calls := map[string]int{}
	return asl.TasksFunc(func(c asl.Call) asl.Answer {
		all := answers[c.State]
		if len(all) == 0 {
			return asl.Answer{Output: c.Parameters}
		}
		i := min(calls[c.State], len(all)-1)
		calls[c.State]++
		return all[i]
	})
}

func outcome(t *testing.T, definition, input string, o asl.RunOptions) *asl.Outcome {
	t.Helper()
	out, err := asl.Run(mustParse(t, definition), []byte(input), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// eventTypes are the types of a history in one line, with what each follows.
func eventTypes(out *asl.Outcome) string {
	var all []string
	for _, e := range out.History {
		all = append(all, fmt.Sprintf("%d<%d %s", e.ID, e.Previous, e.Type))
	}
	return strings.Join(all, "\n")
}

func machine(states string) string { return `{"StartAt":"A","States":{` + states + `}}` }

const task = `"Type":"Task","Resource":"arn:aws:states:::x:y"`

func TestRetryWaits(t *testing.T) {
	fails := map[string][]asl.Answer{"A": {{Error: "Busy"}}}
	out := outcome(t, machine(`"A":{`+task+`,"Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":2,"BackoffRate":3,"MaxAttempts":5,"MaxDelaySeconds":50}],"End":true}`), `{}`,
		asl.RunOptions{Tasks: scripted(fails)})
	var waits []string
	for _, r := range out.Retries {
		waits = append(waits, r.Delay.String())
	}
	if got := strings.Join(waits, " "); got != "2s 6s 18s 50s 50s" || out.Error != "Busy" || out.End.Sub(out.Start) != 126*time.Second {
		t.Errorf("waits %s, error %s, took %s", got, out.Error, out.End.Sub(out.Start))
	}
}

func TestJitterIsBelowTheWaitAndTheSeedsOwn(t *testing.T) {
	definition := machine(`"A":{` + task + `,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":8,"MaxAttempts":9,"JitterStrategy":"FULL"}],"End":true}`)
	waits := func(seed uint64) string {
		text := ""
		for i, r := range outcome(t, definition, `{}`, asl.RunOptions{Seed: seed, Tasks: scripted(map[string][]asl.Answer{"A": {{Error: "E"}}})}).Retries {
			if r.Delay < 0 || r.Delay > 8*time.Second<<i {
				t.Errorf("wait %d is %s", i, r.Delay)
			}
			text += r.Delay.String() + " "
		}
		return text
	}
	first, again, other := waits(1), waits(1), waits(2)
	if first != again || first == other {
		t.Errorf("seed 1: %s, again %s; seed 2: %s", first, again, other)
	}
}

func TestTimeouts(t *testing.T) {
	late := scripted(map[string][]asl.Answer{"A": {{Delay: time.Hour}}})
	for _, c := range []struct{ fields, want string }{
		{`"TimeoutSeconds":60,"HeartbeatSeconds":10`, "States.HeartbeatTimeout 10s"},
		{`"TimeoutSeconds":60`, "States.Timeout 1m0s"},
		{`"TimeoutSecondsPath":"$.t"`, "States.Timeout 7s"},
		{`"TimeoutSeconds":60,"HeartbeatSeconds":10,"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"B"}]`, " 10s"},
		{`"TimeoutSeconds":60,"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"B"}]`, "States.Timeout 1m0s"},
	} {
		out := outcome(t, machine(`"A":{`+task+`,`+c.fields+`,"Next":"B"},"B":{"Type":"Succeed"}`), `{"t":7}`, asl.RunOptions{Tasks: late})
		if got := fmt.Sprintf("%s %s", out.Error, out.End.Sub(out.Start)); got != c.want {
			t.Errorf("%s: %s, want %s", c.fields, got, c.want)
		}
	}
	out := outcome(t, `{"StartAt":"A","TimeoutSeconds":5,"States":{"A":{"Type":"Wait","Seconds":9,"End":true}}}`, `{}`, asl.RunOptions{})
	if out.Status != asl.TimedOut || out.End.Sub(out.Start) != 5*time.Second {
		t.Errorf("the execution %s after %s", out.Status, out.End.Sub(out.Start))
	}
}

func TestFailingBranchAbortsTheOthers(t *testing.T) {
	out := outcome(t, machine(`"A":{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"Slow","States":{"Slow":{`+task+`,"End":true}}},{"StartAt":"Bad","States":{"Bad":{`+task+`,"End":true}}}]}`), `{}`,
		asl.RunOptions{Tasks: scripted(map[string][]asl.Answer{"Slow": {{Delay: time.Hour}}, "Bad": {{Error: "E", Cause: "c", Delay: time.Second}}})})
	want := `1<0 ExecutionStarted
2<0 ParallelStateEntered
3<2 ParallelStateStarted
4<3 TaskStateEntered
5<3 TaskStateEntered
6<4 TaskScheduled
7<6 TaskStarted
8<5 TaskScheduled
9<8 TaskStarted
10<9 TaskFailed
11<10 TaskStateAborted
12<7 TaskStateAborted
13<10 ParallelStateFailed
14<13 ExecutionFailed`
	if got := eventTypes(out); got != want || out.Error != "E" || out.Cause != "c" {
		t.Errorf("%s %s\n%s", out.Error, out.Cause, got)
	}
}

func TestBatchesDoNotDependOnPages(t *testing.T) {
	body := "["
	for i := range 2500 {
		body += fmt.Sprintf("%d,", i)
	}
	objects := store{"b/k": []byte(strings.TrimSuffix(body, ",") + "]")}
	for _, c := range []struct {
		batcher string
		want    int
	}{{`"MaxItemsPerBatch":7`, 358}, {`"MaxItemsPerBatch":2000`, 2}, {`"MaxItemsPerBatch":700,"BatchInput":{"n.$":"$.n"}`, 4}} {
		seen, batches := 0, 0
		tasks := asl.TasksFunc(func(call asl.Call) asl.Answer {
			batches++
			for _, item := range listOf(call.Parameters.(*value.Object), "Items") {
				if item != float64(seen) {
					t.Fatalf("item %v where %d should be", item, seen)
				}
				seen++
			}
			return asl.Answer{Output: float64(seen)}
		})
		outcome(t, machine(`"A":{"Type":"Map","MaxConcurrency":3,"ItemReader":{"Resource":"arn:aws:states:::s3:getObject","Parameters":{"Bucket":"b","Key":"k"}},"ItemBatcher":{`+c.batcher+`},
			"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{`+task+`,"End":true}}},"End":true}`), `{"n":1}`,
			asl.RunOptions{Tasks: tasks, Objects: objects})
		if batches != c.want || seen != 2500 {
			t.Errorf("%s: %d batches with %d items", c.batcher, batches, seen)
		}
	}
}

func TestToleratedFailures(t *testing.T) {
	for _, c := range []struct{ tolerated, want string }{
		{``, "States.ExceedToleratedFailureThreshold"}, {`"ToleratedFailureCount":2,`, "States.ExceedToleratedFailureThreshold"}, {`"ToleratedFailureCount":3,`, ""},
		{`"ToleratedFailurePercentage":29,`, "States.ExceedToleratedFailureThreshold"}, {`"ToleratedFailurePercentage":30,`, ""},
	} {
		tasks := asl.TasksFunc(func(call asl.Call) asl.Answer {
			if n, _ := value.Float(call.Parameters); int(n)%3 == 1 {
				return asl.Answer{Error: "E"}
			}
			return asl.Answer{Output: call.Parameters}
		})
		out := outcome(t, machine(`"A":{"Type":"Map",`+c.tolerated+`"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"EXPRESS"},"StartAt":"T","States":{"T":{`+task+`,"End":true}}},"End":true}`),
			`[0,1,2,3,4,5,6,7,8,9]`, asl.RunOptions{Tasks: tasks})
		if out.Error != c.want {
			t.Errorf("%s %s %s", c.tolerated, out.Error, out.Cause)
		}
	}
}

func TestResultsAreWritten(t *testing.T) {
	objects := store{}
	out := outcome(t, machine(`"A":{"Type":"Map","ResultWriter":{"Resource":"arn:aws:states:::s3:putObject","Parameters":{"Bucket":"b","Prefix":"p"},"WriterConfig":{"Transformation":"COMPACT","OutputType":"JSONL"}},
		"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"T","States":{"T":{"Type":"Pass","End":true}}},"End":true}`), `[1,{"a":2}]`, asl.RunOptions{Objects: objects})
	details := objectOf(out.Output.(*value.Object), "ResultWriterDetails")
	manifest := value.MustParse(string(objects["b/"+textOf(details, "Key")])).(*value.Object)
	file := listOf(objectOf(manifest, "ResultFiles"), "SUCCEEDED")[0].(*value.Object)
	if got := string(objects["b/"+textOf(file, "Key")]); got != "1\n{\"a\":2}\n" {
		t.Errorf("%q in %v", got, objects)
	}
}

func TestDecodeItems(t *testing.T) {
	for _, c := range []struct {
		config asl.ReaderConfig
		body   string
		want   string
	}{
		{asl.ReaderConfig{InputType: "JSONL"}, "{\"a\":1}\n\n2\n", `[{"a":1},2]`},
		{asl.ReaderConfig{InputType: "JSON", ItemsPointer: "/x/y"}, `{"x":{"y":[1]}}`, `[1]`},
		{asl.ReaderConfig{InputType: "CSV", HeaderLocation: "FIRST_ROW", Delimiter: "|"}, "a|b\n1|\"x|y\"\n", `[{"a":"1","b":"x|y"}]`},
		{asl.ReaderConfig{InputType: "CSV", HeaderLocation: "FIRST_ROW"}, "", `[]`},
	} {
		items, err := asl.DecodeItems(&c.config, []byte(c.body))
		if err != nil || value.Text(items) != c.want {
			t.Errorf("%+v: %s, %v", c.config, value.Text(items), err)
		}
	}
}

func TestQueryFailuresCanBeCaught(t *testing.T) {
	out := outcome(t, `{"StartAt":"A","QueryLanguage":"JSONata","States":{"A":{`+task+`,"Output":"{% $states.result.no %}","Catch":[{"ErrorEquals":["States.QueryEvaluationError"],"Output":"{% $states.errorOutput.Error & ' at ' & $states.input.n %}","Assign":{"seen":true},"Next":"B"}],"End":true},
		"B":{"Type":"Pass","Output":"{% $states.input & $string($seen) %}","End":true}}}`, `{"n":5}`, asl.RunOptions{Tasks: scripted(nil)})
	if out.Output != "States.QueryEvaluationError at 5true" {
		t.Errorf("%s %s %s", value.Text(out.Output), out.Error, out.Cause)
	}
}

func TestEndlessMachinesEnd(t *testing.T) {
	loop := machine(`"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"C"}],"Default":"A"},"C":{"Type":"Succeed"}`)
	if _, err := asl.Run(mustParse(t, loop), []byte(`{}`), asl.RunOptions{MaxTransitions: 10_000}); err == nil || !strings.Contains(err.Error(), "10000 states") {
		t.Errorf("error %v", err)
	}
	x, err := mustParse(t, loop).NewExecution([]byte(`{}`), asl.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if effects := asl.Step(x, asl.Event{Kind: asl.EventContinue}); !effects.More || len(effects.History) > 20_000 {
		t.Errorf("more %v after %d events", effects.More, len(effects.History))
	}
	if asl.Step(x, asl.Event{Kind: asl.EventStop, Cause: "enough"}); x.Status != asl.Aborted {
		t.Errorf("stopped execution is %s", x.Status)
	}
	grows := machine(`"A":{"Type":"Pass","Parameters":{"a.$":"$","b.$":"$"},"Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"C"}],"Default":"A"},"C":{"Type":"Succeed"}`)
	if out := outcome(t, grows, `{}`, asl.RunOptions{}); out.Error != "States.DataLimitExceeded" {
		t.Errorf("data that doubles: %s %s", out.Error, out.Cause)
	}
}

func TestManyNestedItemsStayBounded(t *testing.T) {
	inner := `{"Type":"Map","MaxConcurrency":1000,"ItemsPath":"$$.Execution.Input","ItemProcessor":{"StartAt":"%s","States":{"%s":%s}},"End":true}`
	text := `{"Type":"Wait","Seconds":9,"End":true}`
	for i := 4; i >= 0; i-- {
		name := fmt.Sprintf("S%d", i+1)
		text = fmt.Sprintf(inner, name, name, text)
	}
	d := mustParse(t, `{"StartAt":"S0","States":{"S0":`+text+`}}`)
	x, err := d.NewExecution([]byte(`[`+strings.Repeat("0,", 999)+`0]`), asl.StartOptions{})
	if err != nil {
		t.Fatal(err)
	}
	timers := 0
	for {
		effects := asl.Step(x, asl.Event{Kind: asl.EventContinue})
		for i := range effects.Commands {
			if effects.Commands[i].Kind == asl.CommandTimer {
				timers++
			}
		}
		if !effects.More {
			break
		}
	}
	if timers > 10_000 {
		t.Errorf("%d iterations wait at a time", timers)
	}
}
