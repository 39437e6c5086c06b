package asl_test

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// answerer answers tasks as the Lambda functions of a recorded case do, which the case describes in words. What other
// services and the workers of activities answered stands only in the recorded history, so that is what they answer again.
type answerer struct {
	lambdas  *value.Object
	recorded []any // the history: services and activities answer as they did
}

func (a *answerer) Run(c asl.Call) asl.Answer {
	if strings.HasPrefix(c.Resource, "arn:aws:lambda:") {
		return a.invoke(c.Resource, c.Parameters)
	}
	if c.Resource == "arn:aws:states:::lambda:invoke" {
		return a.service(c)
	}
	return a.replay()
}

// replay answers as the service or the activity's worker did next in the recorded history.
func (a *answerer) replay() asl.Answer {
	answer := asl.Answer{Refused: true, Cause: "The activity activity_arn does not exist."}
	for len(a.recorded) > 0 {
		event := a.recorded[0].(*value.Object)
		a.recorded = a.recorded[1:]
		kind := textOf(event, "type")
		details := objectOf(event, strings.ToLower(kind[:1])+kind[1:]+"EventDetails")
		switch {
		case strings.HasPrefix(kind, "Task") && strings.HasPrefix(kind, "TaskState"), !strings.HasPrefix(kind, "Task") && !strings.HasPrefix(kind, "Activity"):
			continue
		case strings.HasSuffix(kind, "Started"):
			answer = asl.Answer{Worker: textOf(details, "workerName")}
		case strings.HasSuffix(kind, "Submitted"):
			answer.Submitted = member(details, "output")
		case strings.HasSuffix(kind, "Succeeded"):
			answer.Output = member(details, "output")
			if text, ok := answer.Output.(string); ok {
				answer.Output = value.MustParse(text)
			}
			return answer
		case strings.HasSuffix(kind, "Failed"):
			answer.Error, answer.Cause = textOf(details, "error"), textOf(details, "cause")
			if cause, ok := member(details, "cause").(*value.Object); ok {
				answer.Cause = value.Text(cause)
			}
			return answer
		case strings.HasSuffix(kind, "TimedOut"):
			answer.Delay = time.Hour
			return answer
		}
	}
	return answer
}

// function finds the description of a function by its name or ARN.
func (a *answerer) function(name string) (string, bool) {
	name = name[strings.LastIndex(name, ":")+1:]
	if a.lambdas == nil {
		return "", false
	}
	f := objectOf(a.lambdas, name)
	return textOf(f, "behaviour"), f != nil
}

func (a *answerer) invoke(function string, event any) asl.Answer {
	behaviour, _ := a.function(function)
	switch {
	case behaviour == "return event":
		return asl.Answer{Output: event}
	case strings.HasPrefix(behaviour, "raise Exception("):
		message := strings.TrimSuffix(strings.TrimPrefix(behaviour, "raise Exception('"), "')")
		return failed("Exception", message, fmt.Sprintf("  File \"/var/task/handler.py\", line 2, in handler\n    raise Exception(\"%s\")\n", message))
	case strings.HasPrefix(behaviour, "raises CustomException"):
		return failed("CustomException", "", "  File \"/var/task/handler.py\", line 9, in handler\n    raise CustomException()\n")
	case strings.HasPrefix(behaviour, "returns 257 KiB of 'a'"):
		return asl.Answer{Output: strings.Repeat("a", 257<<10)}
	case strings.HasPrefix(behaviour, "returns a Python bytes object"):
		return asl.Answer{Output: "HelloWorld!"}
	case strings.HasPrefix(behaviour, "returns "):
		return asl.Answer{Output: value.MustParse(strings.TrimPrefix(behaviour, "returns "))}
	case behaviour == "sleep 60s":
		return asl.Answer{Delay: time.Minute}
	}
	return asl.Answer{Error: "Lambda.Unknown", Cause: "no case describes the function " + function}
}

// failed is the failure of a Python function: its cause has the spaces that Python's json puts in.
func failed(kind, message, trace string) asl.Answer {
	return asl.Answer{Error: kind, Cause: fmt.Sprintf(`{"errorMessage": %s, "errorType": %s, "requestId": "2f1b0a52-0000-4000-8000-000000000001", "stackTrace": [%s]}`,
		value.Text(message), value.Text(kind), value.Text(trace))}
}

// service is the optimised integration lambda:invoke: it wraps the payload and writes causes compactly.
func (a *answerer) service(c asl.Call) asl.Answer {
	parameters, _ := c.Parameters.(*value.Object)
	function := textOf(parameters, "FunctionName")
	if _, ok := a.function(function); !ok {
		return asl.Answer{Error: "Lambda.ResourceNotFoundException", Cause: "Function not found: arn:aws:lambda:us-east-1:111111111111:function:" + function +
			":$LATEST (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: 2f1b0a52-0000-4000-8000-000000000001; Proxy: null)"}
	}
	payload := member(parameters, "Payload")
	if payload == nil {
		payload = value.NewObject(0)
	}
	if text, ok := payload.(string); ok { // the Payload of the API is bytes: a text is the event's JSON itself
		if parsed, err := value.Parse([]byte(text)); err == nil {
			payload = parsed
		}
	}
	answer := a.invoke(function, payload)
	if answer.Error != "" {
		if cause, err := value.Parse([]byte(answer.Cause)); err == nil {
			answer.Cause = value.Text(cause)
		}
		return answer
	}
	length := fmt.Sprint(pythonLength(answer.Output))
	single, multi := value.NewObject(8), value.NewObject(8)
	for _, h := range [][2]string{{"Connection", "keep-alive"}, {"Content-Length", length}, {"Content-Type", "application/json"}, {"Date", "date"},
		{"X-Amz-Executed-Version", "$LATEST"}, {"x-amzn-Remapped-Content-Length", "0"}, {"x-amzn-RequestId", "r"}, {"X-Amzn-Trace-Id", "t"}} {
		single.Set(h[0], h[1])
		multi.Set(h[0], []any{h[1]})
	}
	answer.Output = value.ObjectOf("ExecutedVersion", "$LATEST", "Payload", answer.Output,
		"SdkHttpMetadata", value.ObjectOf("AllHttpHeaders", multi, "HttpHeaders", single, "HttpStatusCode", 200.0),
		"SdkResponseMetadata", value.ObjectOf("RequestId", "r"), "StatusCode", 200.0)
	return answer
}

// pythonLength is the length of a value as Python's json writes it: with a space after each comma and colon.
func pythonLength(v any) int {
	spaces := 0
	var count func(any)
	count = func(v any) {
		switch v := v.(type) {
		case []any:
			spaces += max(len(v)-1, 0)
			for _, item := range v {
				count(item)
			}
		case *value.Object:
			spaces += v.Len() + max(v.Len()-1, 0)
			for _, item := range v.All() {
				count(item)
			}
		}
	}
	count(v)
	return len(value.Text(v)) + spaces
}

// store is the object store of a recorded case.
type store map[string][]byte

func storeOf(c *value.Object) store {
	s := store{}
	for _, o := range listOf(c, "s3") {
		object := o.(*value.Object)
		s[textOf(object, "bucket")+"/"+textOf(object, "key")] = []byte(textOf(object, "body"))
	}
	return s
}

func (s store) Read(bucket, key string) ([]byte, error) {
	body, ok := s[bucket+"/"+key]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return body, nil
}

func (s store) List(bucket, prefix string) ([]asl.ObjectInfo, error) {
	var found []asl.ObjectInfo
	for name, body := range s {
		if key, ok := strings.CutPrefix(name, bucket+"/"); ok && strings.HasPrefix(key, prefix) {
			found = append(found, asl.ObjectInfo{Key: key, Size: int64(len(body))})
		}
	}
	return found, nil
}

func (s store) Write(bucket, key string, body []byte) error {
	s[bucket+"/"+key] = body
	return nil
}
