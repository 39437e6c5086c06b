package console

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// page is one page: a question and its answer.
type page struct {
	path  string // as in http.ServeMux, without a method; {names} are r.PathValue
	entry string // the rail's entry that is current, "" for none
	file  string // in template/: defines "title", "main" and the fragments
	// load gathers what the page shows; the templates find it as .Data.
	load func(ctx context.Context, c *Console, v *Visit) (any, error)
	// live names templates whose one root element has the template's name as its
	// id: they are sent again as they change. See live.go.
	live []string
	// fresh says that the page counts in SQL up to the frame's moment, which therefore is
	// a new one: who has sent a record finds it.
	fresh bool
	// actions are the forms of the page, by the value of their field "do".
	actions map[string]action

	set *template.Template
}

// action is what a form does. It returns where to go then, "" for the same page.
// An error shows the page again, with what was typed and the error beside the form.
type action struct {
	scope access.Scope // Read or Admin
	run   func(ctx context.Context, c *Console, v *Visit) (to string, err error)
}

// pages are all pages. Each is declared in a file of its own name.
func pages() []*page {
	return []*page{
		homePage(),
		streamsPage(),
		streamPage(),
		tablesPage(),
		tablePage(),
		sqlPage(),
		quarantinePage(),
		ledgerPage(),
		tracePage(),
		limitsPage(),
	}
}

// parse reads the page's templates.
func (p *page) parse() {
	p.set = template.Must(template.ParseFS(files, "template/base.html", "template/part.html", "template/"+p.file))
}

// loadTime bounds how long a page gathers what it shows.
const loadTime = 30 * time.Second

// show answers a GET: with the page, or with its fragments as they change.
func (c *Console) show(w http.ResponseWriter, r *http.Request, p *page) {
	v, ok := c.visit(w, r, access.Read)
	if !ok {
		return
	}
	v.page = p
	if r.URL.Query().Get("live") == "1" {
		c.follow(w, v)
		return
	}
	c.render(w, v, http.StatusOK)
}

// act answers a form.
func (c *Console) act(w http.ResponseWriter, r *http.Request, p *page) {
	if !c.trusted(w, r) {
		return
	}
	do, known := p.actions[r.PostFormValue("do")]
	if !known {
		c.fail(w, r, record.Errorf(record.Invalid, "the form's field do is %q: this page has no such form", r.PostFormValue("do")))
		return
	}
	v, ok := c.visit(w, r, do.scope)
	if !ok {
		return
	}
	v.page = p
	ctx, cancel := context.WithTimeout(r.Context(), loadTime)
	defer cancel()
	to, err := do.run(ctx, c, v)
	c.glance.forget()
	if err != nil {
		v.Refused, v.Form = err, r.PostForm
		c.render(w, v, problem.Status(err))
		return
	}
	if to == "" {
		to = r.URL.Path
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// render loads and writes a whole page.
func (c *Console) render(w http.ResponseWriter, v *Visit, status int) {
	ctx, cancel := context.WithTimeout(v.Request.Context(), loadTime)
	defer cancel()
	if err := c.load(ctx, v); err != nil {
		c.failVisit(w, v, err)
		return
	}
	text, err := v.execute("base")
	if err != nil {
		c.failVisit(w, v, err)
		return
	}
	if v.status != 0 {
		status = v.status
	}
	writePage(w, status, text)
}

// load gathers the frame's and the page's data for a visit.
func (c *Console) load(ctx context.Context, v *Visit) (err error) {
	v.Now = c.Now().In(v.Location)
	if v.page.fresh && !v.fragment {
		c.glance.forget()
	}
	v.Frame, v.keep = c.frame(ctx), nil
	v.Data, err = v.page.load(ctx, c, v)
	return err
}

func writePage(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie, Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the visitor may be gone
}

// execute runs one of the page's templates.
func (v *Visit) execute(name string) ([]byte, error) {
	var b bytes.Buffer
	if err := v.page.set.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("page %s: %w", v.page.path, err)
	}
	return b.Bytes(), nil
}
