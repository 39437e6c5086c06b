package answer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/flow/answer"
	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

const file = `
# the first rule that matches answers
- match: {state: Fetch}
  answers: [{error: Lambda.TooManyRequestsException, cause: Rate Exceeded.}, {delay: 1h30m, output: {rows: 3, price: 1.50, list: [a, null, true]}}]
- match: {state: "Pack*", resource: "arn:aws:states:::sqs:*"}
  answers:
    - {output: 12345678901234567890, submitted: {id: 7}, worker: w1}
- match: {resource: "arn:aws:lambda:*:*:function:echo*"}
  echo: true
`

func TestRulesAnswer(t *testing.T) {
	rules, mistakes := answer.Parse([]byte(file))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	fetch := asl.Call{State: "Fetch", Resource: "arn:aws:lambda:eu:1:function:echo"}
	if a := rules.Run(fetch); a.Error != "Lambda.TooManyRequestsException" || a.Cause != "Rate Exceeded." {
		t.Errorf("first answer: %+v", a)
	}
	for range 2 { // the last answer repeats
		a := rules.Run(fetch)
		if got := value.Text(a.Output); a.Error != "" || a.Delay != 90*time.Minute || got != `{"rows":3,"price":1.5,"list":["a",null,true]}` {
			t.Errorf("next answer: %+v %s", a, got)
		}
	}
	a := rules.Run(asl.Call{State: "Pack it", Resource: "arn:aws:states:::sqs:sendMessage.waitForTaskToken"})
	if value.Text(a.Output) != "12345678901234567890" || value.Text(a.Submitted) != `{"id":7}` || a.Worker != "w1" {
		t.Errorf("answer: %+v", a)
	}
	a = rules.Run(asl.Call{State: "X", Resource: "arn:aws:lambda:eu-west-1:123:function:echo-2", Parameters: "in"})
	if a.Output != "in" {
		t.Errorf("echo: %+v", a)
	}
	a = rules.Run(asl.Call{State: "Pack it", Resource: "arn:aws:states:::sns:publish"})
	if a.Error != "States.TaskFailed" || a.Cause != `no rule answers state "Pack it" with resource arn:aws:states:::sns:publish` {
		t.Errorf("nothing matches: %+v", a)
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct{ script, want, mistake string }{
		{`cat`, ``, `its answer: "state" is no part of an answer; there are output, error, cause, delay, worker, submitted`},
		{`printf '{"output": %s}' "$(cat)"`, `{"state":"S","resource":"arn:x","input":{"a":1},"context":{"c":2},"attempt":3}`, ``},
		{`echo '{"error": "E", "cause": "C", "delay": "7d12h"}'`, `E C 180h0m0s`, ``},
		{`echo '{"output": null}'`, `null`, ``},
		{`echo no >&2; exit 3`, ``, `exit status 3: no`},
		{`echo hello`, ``, `its answer is no JSON: invalid character 'h' looking for beginning of value`},
		{`echo '[]'`, ``, `its answer is no object: it is {"output": …} or {"error": …, "cause": …}`},
		{`echo '{}'`, ``, `an answer needs an output or an error`},
		{`echo '{"output": 1, "error": "E"}'`, ``, `an answer has an output or an error, not both`},
		{`echo '{"output": 1, "delay": "soon"}'`, ``, `its answer: "soon" is no duration; write it as 5s, 1h30m or 7d`},
		{`echo '{"error": 5}'`, ``, `its answer's error is no text`},
		{`yes '{"output": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}' | head -c 6000000`, ``, `its answer is longer than 4194304 bytes`},
	} {
		rules, mistakes := answer.Parse([]byte("- match: {resource: \"*\"}\n  exec: [sh, -c, " + quote(c.script) + "]\n"))
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		rules.In(context.Background(), t.TempDir())
		a := rules.Run(asl.Call{State: "S", Resource: "arn:x", Parameters: value.MustParse(`{"a":1}`), Context: value.MustParse(`{"c":2}`), Attempt: 3})
		got := value.Text(a.Output)
		if a.Error != "" {
			got = a.Error + " " + a.Cause + " " + a.Delay.String()
		}
		if c.mistake == "" {
			if rules.Err() != nil || got != c.want {
				t.Errorf("%s gave %s, %v; want %s", c.script, got, rules.Err(), c.want)
			}
			continue
		}
		if err := rules.Err(); err == nil || !strings.HasSuffix(err.Error(), c.mistake) || !strings.HasPrefix(err.Error(), "the rule in line 1: sh -c ") || a.Error != "States.TaskFailed" {
			t.Errorf("%s gave %+v, %v; want %s", c.script, a, err, c.mistake)
		}
	}
}

func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func TestMistakesHavePlaces(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{match: x}`, `1:1: the file is a list of rules: - match: {resource: "*"}`},
		{"- echo: true", `1:3: the rule has no match; {resource: "*"} matches every task`},
		{"- {}", `1:3: the rule has no match; {resource: "*"} matches every task`},
		{"- match: {state: A}", `1:3: the rule does not say how to answer: answers, exec or echo`},
		{"- match: {state: A}\n  echo: true\n  exec: [x]", `1:3: the rule has echo and exec; one of them is enough`},
		{"- match: {stat: A}\n  echo: true", `1:11: "stat" is no part of match; did you mean "state"?`},
		{"- match: {}\n  echo: true", `1:10: match is empty; {resource: "*"} matches every task`},
		{"- match: A\n  echo: true", `1:10: match is {state: NAME}, {resource: ARN} or both; * stands for any text`},
		{"- match: {state: A}\n  ecko: true", `2:3: "ecko" is no part of a rule; did you mean "echo"?`},
		{"- match: {state: A}\n  echo: yes please", `2:9: echo is true or left out`},
		{"- match: {state: A}\n  exec: python3 x.py", `2:9: exec is a command and its arguments: [python3, answer.py]`},
		{"- match: {state: A}\n  answers: []", `2:12: answers is a list such as [{output: {rows: 3}}]; its last answer repeats`},
		{"- match: {state: A}\n  answers: [{}]", `2:13: an answer needs an output or an error`},
		{"- match: {state: A}\n  answers:\n  - delay: soon\n    output: 1", `3:12: "soon" is no duration; write it as 5s, 1h30m or 7d`},
		{"- match: {state: A}\n  answers:\n  - delay: 400d\n    output: 1", `3:12: a delay of 400d is not between 0s and 366d`},
		{"- match: {state: A}\n  answers: [{output: 1, errror: E}]", `2:25: "errror" is no part of an answer; did you mean "error"?`},
		{"- match: {state: A}\n  answers: [{output: 1, error: E}]", `2:13: an answer has an output or an error, not both`},
		{"- match: {state: [A]}\n  echo: true", `1:18: state is a text`},
		{"- match: {state: A\n", `1:10: `},
	} {
		rules, mistakes := answer.Parse([]byte(c.text))
		if len(mistakes) == 0 || rules != nil || !strings.HasPrefix(mistakes[0].String(), c.want) {
			t.Errorf("%q gave %v; want %s", c.text, mistakes, c.want)
		}
	}
	_, mistakes := answer.Parse([]byte("- echo: true\n- match: {state: A}\n- match: {state: B}\n  answers: [{delay: x}]\n"))
	if len(mistakes) != 3 {
		t.Errorf("not all mistakes at once: %v", mistakes)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte("- match: {resource: \"*\"}\n  answers: [{output: &a [1, *a]}]"))
	f.Add([]byte("- {match: {state: x}, answers: [{output: !!binary aGk=, delay: 1d}]}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rules, mistakes := answer.Parse(text)
		if rules == nil && len(mistakes) == 0 {
			t.Fatalf("%q gave neither rules nor mistakes", text)
		}
		for _, m := range mistakes {
			if m.Line < 1 || m.Column < 1 || m.Message == "" {
				t.Fatalf("%q: %+v", text, m)
			}
		}
		if rules == nil || strings.Contains(string(text), "exec") {
			return
		}
		a := rules.Run(asl.Call{State: "x", Resource: "y", Parameters: "z"})
		value.Text(a.Output)
	})
}
