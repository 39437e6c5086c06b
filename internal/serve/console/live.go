package console

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/problem"
)

// livePause is how long a live page waits between two looks: nothing on a page is
// replaced more often.
const livePause = time.Second

// frameLive are the fragments that every page has.
var frameLive = []string{"sum", "clock", "rail"}

// follow sends a page's fragments as server-sent events, each again when it has
// changed, until the visitor goes or the node stops. An event's data is the
// fragment's HTML; its root element's id says what it replaces.
func (c *Console) follow(w http.ResponseWriter, v *Visit) {
	out := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies must not gather events
	w.WriteHeader(http.StatusOK)
	v.fragment = true
	sent := map[string][]byte{}
	tick := time.NewTicker(livePause)
	defer tick.Stop()
	for {
		if role, _ := c.role(v.Request); role != v.Role { // the keys have changed since it began
			return
		}
		if err := c.sendChanged(w, v, sent); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-v.Request.Context().Done():
			return
		case <-c.Ended:
			return
		}
	}
}

// sendChanged sends the fragments that differ from what was sent before.
func (c *Console) sendChanged(w http.ResponseWriter, v *Visit, sent map[string][]byte) error {
	ctx, cancel := context.WithTimeout(v.Request.Context(), loadTime)
	defer cancel()
	if err := c.load(ctx, v); err != nil {
		// What is on the page stays; the script says since when there is no answer.
		return writeEvent(w, "trouble", []byte(http.StatusText(problem.Status(err))))
	}
	for _, names := range [][]string{frameLive, v.page.live} {
		for _, name := range names {
			if slices.Contains(v.keep, name) {
				continue
			}
			text, err := v.execute(name)
			if err != nil {
				return err
			}
			if bytes.Equal(text, sent[name]) {
				continue
			}
			sent[name] = text
			if err := writeEvent(w, "fragment", text); err != nil {
				return err
			}
		}
	}
	return writeEvent(w, "at", nil) // a sign of life
}

// writeEvent writes one server-sent event; its data may have several lines.
func writeEvent(w http.ResponseWriter, kind string, data []byte) error {
	var b bytes.Buffer
	b.WriteString("event: " + kind + "\n")
	// A bare \r ends a line too: one within a record must not begin a field of ours.
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString("data: " + line + "\n")
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}
