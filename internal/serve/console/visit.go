package console

import (
	"html"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/biwa-data/biwa/internal/access"
)

// Visit is one request for a page, and all that its templates see: they get the
// Visit as their dot, the page's own data as .Data.
type Visit struct {
	Request  *http.Request
	Language Language
	Theme    string // "light", "dark", "" as the system has it
	Location *time.Location
	Now      time.Time // in Location
	Role     access.Scope
	User     string // the key's name, "" without keys
	CSRF     string // the value of each form's field "csrf"
	Frame    *Frame
	Data     any
	// After a form was refused:
	Refused error
	Form    url.Values

	page     *page
	options  *Options
	fragment bool
	keep     []string // live fragments that are late: what a page shows of them stays
	status   int      // of the answer where load wants another one; 0 for the usual
}

// Project is the project's name.
func (v *Visit) Project() string { return v.options.Project }

// Program is the program's version.
func (v *Visit) Program() string { return v.options.Version }

// Entry is the rail's current entry.
func (v *Visit) Entry() string { return v.page.entry }

// Live says whether parts of the page are sent as they change.
func (v *Visit) Live() bool { return len(v.page.live) > 0 && v.Refresh() != 0 }

// Admin says whether the visitor may change things.
func (v *Visit) Admin() bool { return v.Role == access.Admin }

// Here is the page's path with its query.
func (v *Visit) Here() string { return v.Request.URL.RequestURI() }

// Path is the page's path.
func (v *Visit) Path() string { return v.Request.URL.Path }

// Query is a value of the URL, "" if it has none.
func (v *Visit) Query(key string) string { return v.Request.URL.Query().Get(key) }

// Number is a whole number of the URL, or other where it has none from least to
// most.
func (v *Visit) Number(key string, other, least, most int) int {
	n, err := strconv.Atoi(v.Query(key))
	if err != nil || n < least || n > most {
		return other
	}
	return n
}

// Choice is a value of the URL if it is one of some, else the first of them.
func (v *Visit) Choice(key string, of ...string) string {
	if chosen := v.Query(key); slices.Contains(of, chosen) {
		return chosen
	}
	return of[0]
}

// With is the page's address with some of its state changed: pairs of key and
// value, where "" takes the key out.
func (v *Visit) With(pairs ...string) string {
	q := v.Request.URL.Query()
	q.Del("live") // it is of the request for fragments, not of the page
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if text := q.Encode(); text != "" {
		return v.Path() + "?" + text
	}
	return v.Path()
}

// Refresh is how many seconds the page lives without a script: 0 is paused, -1
// is not said.
func (v *Visit) Refresh() int { return v.Number("refresh", -1, 0, 3600) }

// T is a message in the visitor's language; see message.go.
func (v *Visit) T(key string, args ...any) template.HTML { return v.Language.say(v, key, args) }

// Base is the address under which the visitor reached the node.
func (v *Visit) Base() string {
	scheme := "http"
	if v.Request.TLS != nil || v.Request.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + v.Request.Host
}

// plain is a message without markup, for attributes.
func plain(text template.HTML) string { return html.UnescapeString(string(text)) }

// Field is what was typed into a form's field, or what it holds else.
func (v *Visit) Field(name, other string) string {
	if v.Form.Has(name) {
		return v.Form.Get(name)
	}
	return other
}

// Assets is the version of style and script.
func (v *Visit) Assets() string { return assetVersion }

// Seconds is a whole number of seconds as a duration.
func (v *Visit) Seconds(n int) time.Duration { return time.Duration(n) * time.Second }
