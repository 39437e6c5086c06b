package console

import (
	"context"
	"html/template"
)

// streamsPage answers: are all streams flowing?
func streamsPage() *page {
	return &page{path: "/streams", entry: "streams", file: "streams.html", load: loadStreams, live: []string{"flowing", "streams"}}
}

type streamsData struct {
	Rows      []streamRow
	PerSecond float64
	Quiet     int // streams without a record in the last minute
	Wrong     int // that fail or are late
	Active    int // of the project
}

// streamRow is a stream with its state: "run" while records come, "wait" while
// none do, "none" before the first, "skip" once it was removed, "late", "fail".
type streamRow struct {
	Stream
	State string
}

func loadStreams(_ context.Context, _ *Console, v *Visit) (any, error) {
	d := streamsData{}
	for _, s := range v.Frame.Streams {
		row := streamRow{s, s.State()}
		if !s.Gone {
			d.Active++
		}
		switch row.State {
		case "fail", "late":
			d.Wrong++
		case "wait", "none":
			d.Quiet++
		}
		d.PerSecond += s.PerSecond
		d.Rows = append(d.Rows, row)
	}
	return d, nil
}

// State is how a stream fares, in one word.
func (s Stream) State() string {
	switch {
	case s.Failure != "" || !s.Balanced:
		return "fail"
	case s.Late():
		return "late"
	case s.Gone:
		return "skip"
	case s.PerSecond > 0:
		return "run"
	case s.Total.Accepted == 0:
		return "none"
	}
	return "wait"
}

// Late says whether what waits to be seen by SQL takes too long, at the rate at
// which it came in the last minute.
func (s Stream) Late() bool {
	return float64(s.Waiting)/max(s.PerSecond, 1) > behindTime.Seconds()
}

// Active are the streams of the project.
func (f *Frame) Active() (active []Stream) {
	for _, s := range f.Streams {
		if !s.Gone {
			active = append(active, s)
		}
	}
	return active
}

// Gone marks a stream, or its table, that is not in the project any more.
func (v *Visit) Gone(name string) template.HTML {
	for _, s := range v.Frame.Streams {
		if s.Name == name && s.Gone {
			return ` <small class="gone">` + v.T("stream.gone") + `</small>`
		}
	}
	return ""
}
