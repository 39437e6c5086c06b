package asl_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// requestOf reads a recorded request.
func requestOf(q *value.Object) asl.TestRequest {
	r := asl.TestRequest{
		Definition: value.Append(nil, member(q, "definition")), StateName: textOf(q, "stateName"), InspectionLevel: textOf(q, "inspectionLevel"),
		RoleArn: textOf(q, "roleArn"), Context: []byte(textOf(q, "context")), Variables: []byte(textOf(q, "variables")), RevealSecrets: member(q, "revealSecrets") == true,
	}
	if input, ok := q.Get("input"); ok {
		r.Input = value.Append(nil, input)
	}
	if c := objectOf(q, "stateConfiguration"); c != nil {
		if err := json.Unmarshal(value.Append(nil, c), &struct {
			R *int `json:"retrierRetryCount"`
			M *int `json:"mapIterationFailureCount"`
		}{&r.Configuration.RetrierRetryCount, &r.Configuration.MapIterationFailureCount}); err != nil {
			panic(err)
		}
		r.Configuration.ErrorCausedByState = textOf(c, "errorCausedByState")
		r.Configuration.MapItemReaderData = []byte(textOf(c, "mapItemReaderData"))
	}
	if m := objectOf(q, "mock"); m != nil {
		r.Mock = &asl.Mock{FieldValidationMode: textOf(m, "fieldValidationMode")}
		if result, ok := member(m, "result").(string); ok {
			r.Mock.Result = &result
		}
		if e := objectOf(m, "errorOutput"); e != nil {
			r.Mock.ErrorOutput = &asl.MockError{Error: textOf(e, "error"), Cause: textOf(e, "cause")}
		}
	}
	return r
}

func TestRecordedTestStates(t *testing.T) {
	cases := recorded(t, "asl_teststate.jsonl")
	right := 0
	for _, c := range cases {
		want := objectOf(c, "expected").Clone()
		want.Delete("ResponseMetadata")
		if want.Len() == 2 && objectOf(want, "Error") != nil {
			want.Delete("message")
		}
		got, err := asl.TestState(requestOf(objectOf(c, "request")), asl.RunOptions{Account: "111111111111", Tasks: &answerer{lambdas: objectOf(c, "lambdas")}})
		var answer any
		var refusal *asl.TestError
		switch {
		case errors.As(err, &refusal):
			answer = value.ObjectOf("Error", value.ObjectOf("Code", refusal.Code, "Message", refusal.Message))
		case err != nil:
			t.Errorf("%s: %v", textOf(c, "name"), err)
			continue
		default:
			answer = got.JSON()
		}
		r := newRules(c)
		if err := r.compare("", want, r.transform(answer)); err != nil {
			t.Errorf("%s: %v", textOf(c, "name"), err)
			continue
		}
		right++
	}
	t.Logf("asl_teststate.jsonl: %d of %d right", right, len(cases))
}
