package asl

import "strings"

// integration is what a Task's Resource names.
type integration struct {
	arn          string
	lambda       bool   // a function's own ARN: the older way, with events of its own
	activity     bool   // an activity
	resourceType string // of a service: lambda, states, aws-sdk:s3
	resource     string // what is called: invoke, startExecution.sync:2, sendMessage.waitForTaskToken
	sync         bool   // .sync: the task is over when the job is
	token        bool   // the task can have a token: .waitForTaskToken, .sync, activities
}

// integrationOf reads an ARN: arn:aws:lambda:…, arn:aws:states:…:activity:name or arn:aws:states:::service:action.
func integrationOf(arn string) integration {
	i := integration{arn: arn}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" {
		return i
	}
	service, rest := parts[2], parts[5]
	switch {
	case service == "lambda":
		i.lambda = true
	case service == "states" && strings.HasPrefix(rest, "activity:"):
		i.activity, i.token = true, true
	case service == "states":
		at := strings.Index(rest, ":")
		if strings.HasPrefix(rest, "aws-sdk:") {
			at = strings.Index(rest[8:], ":") + 8
		}
		if at <= 0 {
			return i
		}
		i.resourceType, i.resource = rest[:at], rest[at+1:]
		i.sync = strings.Contains(i.resource, ".sync")
		i.token = i.sync || strings.HasSuffix(i.resource, ".waitForTaskToken")
	}
	return i
}

// known says whether the ARN has a form that can be a resource.
func (i integration) known() bool {
	return i.lambda || i.activity || i.resourceType != "" || strings.HasPrefix(i.arn, "arn:")
}

// prefix is how the events of such a task begin.
func (i integration) prefix() string {
	switch {
	case i.lambda:
		return "LambdaFunction"
	case i.activity:
		return "Activity"
	}
	return "Task"
}

// subject is what a result that is too large is said to come from.
func (i integration) subject() string {
	if i.resourceType != "" {
		return i.resourceType
	}
	return i.arn
}

// taskDetails are those of the events of the state's task.
func (s *State) taskDetails() Details {
	i := &s.task.integration
	return Details{Name: s.Name, Path: s.Path, ResourceType: i.resourceType, Resource: i.resource}
}
