package console

import (
	"net/http"
	"strings"

	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// failData is what the error page shows.
type failData struct {
	Key    string // of the sentence
	Arg    string
	Detail string
}

var failPage = func() *page {
	p := &page{file: "fail.html"}
	p.parse()
	return p
}()

// lost answers for what is no page: browsers get a page, clients problem details.
func (c *Console) lost(w http.ResponseWriter, r *http.Request) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		problem.Write(w, record.Errorf(record.NotFound, "%s %s: there is no such page; the API is described at /openapi.json", r.Method, r.URL.Path))
		return
	}
	v := c.begin(w, r)
	c.showFailure(w, v, http.StatusNotFound, failData{Key: "fail.lost", Arg: r.URL.Path})
}

// fail answers with an error where there is no visit yet.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		problem.Write(w, err)
		return
	}
	c.failVisit(w, c.begin(w, r), err)
}

// failVisit answers with an error: what it is, and the way out.
func (c *Console) failVisit(w http.ResponseWriter, v *Visit, err error) {
	status := problem.Status(err)
	d := failData{Key: "fail.refused", Detail: err.Error()}
	switch {
	case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
		d.Key = "fail.unavailable"
	case status >= http.StatusInternalServerError:
		d.Key = "fail.internal"
		c.Log.Warn("page", "path", v.Path(), "error", err)
	}
	c.showFailure(w, v, status, d)
}

func (c *Console) showFailure(w http.ResponseWriter, v *Visit, status int, d failData) {
	v.page, v.Data = failPage, d
	if v.Role != "" && v.Frame == nil {
		v.Frame = c.frame(v.Request.Context())
	}
	text, err := v.execute("base")
	if err != nil {
		problem.Write(w, err)
		return
	}
	writePage(w, status, text)
}
