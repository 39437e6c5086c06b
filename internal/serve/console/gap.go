package console

import (
	"context"
	"html/template"
	"net/url"
	"sync"
	"time"
)

// partTime bounds how long one part of a page waits for SQL. A page never waits for
// all it could say: what is not there in time is a gap, and the rest is shown.
const partTime = 2 * time.Second

// gap is why a part of a page is not there; nil where it is.
type gap struct {
	Late bool   // it took longer than partTime
	Text string // of any other error
}

// part asks for one part of a page.
func part(ctx context.Context, ask func(ctx context.Context) error) *gap {
	limited, cancel := context.WithTimeout(ctx, partTime)
	defer cancel()
	err := ask(limited)
	switch {
	case err == nil:
		return nil
	case limited.Err() != nil:
		return &gap{Late: true}
	}
	return &gap{Text: err.Error()}
}

// together runs what waits for SQL side by side: a page with several late parts is as
// late as one.
func together(asks ...func()) {
	var running sync.WaitGroup
	for _, ask := range asks {
		running.Go(ask)
	}
	running.Wait()
}

// Gap says why a part is not there, and what else to do: look again, or ask for it in
// SQL, where a statement has the time it needs.
func (v *Visit) Gap(g *gap, sql ...string) template.HTML {
	if g == nil {
		return ""
	}
	text := template.HTML(template.HTMLEscapeString(g.Text))
	if g.Late {
		text = v.T("part.late", partTime)
	}
	text = `<p class="said near">` + text + ` <a href="` + template.HTML(template.HTMLEscapeString(v.With())) + `">` + v.T("part.again") + `</a>`
	for _, statement := range sql {
		text += ` · <a href="/sql?q=` + template.HTML(url.QueryEscape(statement)) + `">` + v.T("part.sql") + `</a>`
	}
	return text + `</p>`
}
