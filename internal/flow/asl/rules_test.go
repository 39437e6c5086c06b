package asl_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// rules compare what came out with what was recorded, where values that differ each time stand as placeholders:
// <uuid:1>, timestamp, snf_role_arn, and what a case's transformers put in.
type rules struct {
	transformers []transformer
	placeholders []string
	mapRunExit   bool // MapStateExited follows MapRunSucceeded: AWS before November 2024
}

type transformer struct {
	pattern *regexp.Regexp
	by      string
}

func newRules(c *value.Object) *rules {
	r := &rules{placeholders: []string{"timestamp", "date", "start-time", "entered-time", "start-date", "stop-date", "RequestId", "request-id",
		"x-amzn-RequestId", "X-Amzn-Trace-Id", "snf_role_arn", "sfn_role_arn", "map_run_arn", "execution-arn", "state-machine-arn", "sqs_queue_url",
		"stateExitedEventDetails.output", "executionSucceededEventDetails.output"}}
	for _, entry := range listOf(c, "transformers") {
		parts := entry.([]any)
		by, ok := parts[len(parts)-1].(string)
		if parts[0] == "jsonpath" && ok {
			r.placeholders = append([]string{by}, r.placeholders...)
		}
		if parts[0] != "regex" {
			continue
		}
		if pattern, err := regexp.Compile(parts[1].(string)); err == nil {
			r.transformers = append(r.transformers, transformer{pattern, strings.ReplaceAll(by, "$", "$$")})
		}
		r.placeholders = append(r.placeholders, by)
	}
	return r
}

// older says that a case was recorded before November 2024.
func (r *rules) older(c *value.Object) bool {
	at := recordedAt(c)
	return at.Year() < 2024 || at.Year() == 2024 && at.Month() < 11
}

// transform puts the case's placeholders in.
func (r *rules) transform(v any) any {
	text := value.Text(v)
	for _, t := range r.transformers {
		text = t.pattern.ReplaceAllString(text, t.by)
	}
	changed, err := value.Parse([]byte(text))
	if err != nil {
		return v
	}
	return changed
}

var placeholder = regexp.MustCompile(`<[A-Za-z_:0-9-]+>`)

// compare says where got differs from what was recorded.
func (r *rules) compare(place string, want, got any) error {
	switch w := want.(type) {
	case string:
		return r.compareText(place, w, got)
	case *value.Object:
		if text, ok := got.(string); ok {
			if parsed, err := value.Parse([]byte(text)); err == nil {
				got = parsed
			}
		}
		g, ok := got.(*value.Object)
		if !ok {
			return fmt.Errorf("%s is %.300s, recorded %.300s", place, value.Text(got), value.Text(want))
		}
		for name, item := range w.All() {
			other, ok := g.Get(name)
			if !ok {
				return fmt.Errorf("%s/%s is missing, recorded %.300s; here %.300s", place, name, value.Text(item), value.Text(got))
			}
			if err := r.compare(place+"/"+name, item, other); err != nil {
				return err
			}
		}
		for name, item := range g.All() {
			if _, ok := w.Get(name); !ok {
				return fmt.Errorf("%s/%s is %.300s, nothing recorded", place, name, value.Text(item))
			}
		}
		return nil
	case []any:
		if text, ok := got.(string); ok {
			if parsed, err := value.Parse([]byte(text)); err == nil {
				got = parsed
			}
		}
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Errorf("%s is %.300s, recorded %.300s", place, value.Text(got), value.Text(want))
		}
		for i := range w {
			if err := r.compare(fmt.Sprintf("%s[%d]", place, i), w[i], g[i]); err != nil {
				return err
			}
		}
		return nil
	case float64, json.Number:
		if value.Equal(want, got) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return fmt.Errorf("%s is %.300s, recorded %.300s", place, value.Text(got), value.Text(want))
}

// compareText compares with a recorded text, in which placeholders stand for anything.
func (r *rules) compareText(place, want string, got any) error {
	if slices.Contains(r.placeholders, want) {
		return nil
	}
	g, ok := got.(string)
	if ok && (g == want || len(want) > 2 && slices.Contains(r.placeholders, strings.Trim(want, `"`))) {
		return nil
	}
	pattern := ""
	for at := 0; ; {
		found := placeholder.FindStringIndex(want[at:])
		if found == nil {
			pattern += regexp.QuoteMeta(want[at:])
			break
		}
		pattern += regexp.QuoteMeta(want[at:at+found[0]]) + `(?s:.*)`
		at += found[1]
	}
	for _, word := range r.placeholders[len(r.placeholders)-len(r.transformers):] {
		pattern = strings.ReplaceAll(pattern, regexp.QuoteMeta(word), `(?s:.*)`)
	}
	if match, err := regexp.MatchString("^"+pattern+"$", g); ok && err == nil && match {
		return nil
	}
	if a, err := value.Parse([]byte(want)); err == nil && ok {
		if _, isText := a.(string); !isText {
			if b, err := value.Parse([]byte(g)); err == nil {
				return r.compare(place, a, b)
			}
		}
	}
	return fmt.Errorf("%s is %.400s, recorded %.400s", place, value.Text(got), value.Text(want))
}

// history compares histories. Recordings of Parallel states have their branches' events sorted, without numbers and
// with some left out; those are looked for in any order.
func (r *rules) history(want []any, out *asl.Outcome) error {
	byID := map[string]*value.Object{}
	var all []*value.Object
	for i := range out.History {
		o := r.transform(out.History[i].JSON()).(*value.Object)
		r.adjust(o, out.History, i)
		byID[value.Text(member(o, "id"))] = o
		all = append(all, o)
	}
	var sorted []*value.Object
	used := map[*value.Object]bool{}
	for _, w := range want {
		event := w.(*value.Object)
		id := member(event, "id")
		if _, isList := id.([]any); isList {
			sorted = append(sorted, event)
			continue
		}
		got := byID[value.Text(id)]
		if got == nil {
			return fmt.Errorf("event %s (%s) is missing", value.Text(id), textOf(event, "type"))
		}
		if err := r.compare("event "+value.Text(id), event, got); err != nil {
			return err
		}
		used[got] = true
	}
	for _, event := range sorted {
		event = event.Clone()
		event.Delete("id")
		event.Delete("previousEventId")
		if !r.find(event, all, used) {
			return fmt.Errorf("no event like %.300s", value.Text(event))
		}
	}
	for _, got := range all {
		if !used[got] && (len(sorted) == 0 || !strings.HasPrefix(textOf(got, "type"), "Parallel")) {
			return fmt.Errorf("nothing recorded like %.300s", value.Text(got))
		}
	}
	return nil
}

func (r *rules) find(event *value.Object, all []*value.Object, used map[*value.Object]bool) bool {
	for _, got := range all {
		if used[got] {
			continue
		}
		bare := got.Clone()
		bare.Delete("id")
		bare.Delete("previousEventId")
		if r.compare("event", event, bare) == nil {
			used[got] = true
			return true
		}
	}
	return false
}

// adjust brings an event into the form that AWS used before November 2024.
func (r *rules) adjust(o *value.Object, history []asl.HistoryEvent, i int) {
	if !r.mapRunExit || history[i].Type != "MapStateExited" || i < 2 || history[i-2].Type != "MapRunSucceeded" {
		return
	}
	o.Set("previousEventId", float64(history[i-2].ID))
}
