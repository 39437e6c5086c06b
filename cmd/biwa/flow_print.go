package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/biwa-data/biwa/internal/flow/asl"
)

// eventWidth is how much of an event's data is shown, in columns.
const eventWidth = 96

// printEvent prints an event in a line: how long after the start, what happened, where, with which data.
func printEvent(out io.Writer, start time.Time, e *asl.HistoryEvent) {
	line := fmt.Sprintf("%12s  %-26s", elapsed(e.At.Sub(start)), e.Type)
	for _, part := range eventParts(e) {
		line += "  " + part
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
}

// eventParts are what an event says beside its type.
func eventParts(e *asl.HistoryEvent) []string {
	var parts []string
	d := &e.Details
	add := func(text string) {
		if text != "" {
			parts = append(parts, runewidth.Truncate(strings.ReplaceAll(text, "\n", " "), eventWidth, "…"))
		}
	}
	add(d.Name)
	switch {
	case strings.HasPrefix(e.Type, "MapIteration"):
		add(fmt.Sprintf("#%d", d.Index))
	case e.Type == "MapStateStarted" && d.Length > 0: // not known yet where items are read
		add(fmt.Sprintf("%d items", d.Length))
	}
	add(strings.Trim(d.ResourceType+" "+d.Resource, " "))
	if d.Error != "" || d.Cause != "" {
		add(strings.TrimPrefix(strings.TrimSuffix(d.Error+": "+d.Cause, ": "), ": "))
	} else if d.Raw != "" || d.Data != nil {
		add(d.Text())
	}
	return parts
}

// elapsed is a virtual time as a clock shows it: 00:00:05.250, 7d 00:00:00.
func elapsed(d time.Duration) string {
	days := d / (24 * time.Hour)
	d -= days * 24 * time.Hour
	text := fmt.Sprintf("%02d:%02d:%02d", d/time.Hour, d/time.Minute%60, d/time.Second%60)
	if ms := d / time.Millisecond % 1000; ms > 0 {
		text += fmt.Sprintf(".%03d", ms)
	}
	if days > 0 {
		text = fmt.Sprintf("%dd %s", days, text)
	}
	return text
}

// printOutcome prints the waits of each Retry, then how the execution ended.
func printOutcome(out io.Writer, o *asl.Outcome) {
	fmt.Fprintln(out)
	printRetries(out, o.Retries)
	children := ""
	if o.Children > 0 {
		children = fmt.Sprintf(", %d %s", o.Children, plural(o.Children, "child execution", "child executions"))
	}
	fmt.Fprintf(out, "%s after %s of virtual time, %d %s%s\n", o.Status, elapsed(o.End.Sub(o.Start)), len(o.History), plural(len(o.History), "event", "events"), children)
	if o.Error != "" {
		fmt.Fprintln(out, "error: ", o.Error)
	}
	if o.Cause != "" {
		fmt.Fprintln(out, "cause: ", o.Cause)
	}
	if o.Status == asl.Succeeded {
		_ = printJSON(out, o.Output)
	}
}

// printRetries prints one line for each state and error: Fetch retried 3 times after Busy, waits 2.0, 3.9, 7.3 s.
func printRetries(out io.Writer, waits []asl.RetryWait) {
	type cause struct{ state, error string }
	var order []cause
	delays := map[cause][]string{}
	for _, w := range waits {
		c := cause{w.State, w.Error}
		if delays[c] == nil {
			order = append(order, c)
		}
		delays[c] = append(delays[c], fmt.Sprintf("%.1f", w.Delay.Seconds()))
	}
	for _, c := range order {
		all := delays[c]
		times := fmt.Sprintf("%d %s", len(all), plural(len(all), "time", "times"))
		if len(all) > 12 {
			all = append(append(append([]string{}, all[:8]...), "…"), all[len(all)-2:]...)
		}
		fmt.Fprintf(out, "%s retried %s after %s, waits %s s\n", c.state, times, c.error, strings.ReplaceAll(strings.Join(all, ", "), ", …, ", " … "))
	}
}
