package collect

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// PublicDoor serves requests of pages and apps. They show a public key, which says
// the stream; whoever reads the key in a page can write by this door and do no more.
// Host names do not matter here, other than at the doors for people: a page of any
// site may send, if the key is for it.
type PublicDoor struct {
	Intake  *Intake
	Streams Streams
	Guard   *access.Guard
	Now     func() time.Time
}

// publicBodyBytes is the limit of a body, packed and unpacked.
const publicBodyBytes = 1 << 20

// PublicAnswer is what a page learns of its records: no ids, for those would tell
// how much others send.
type PublicAnswer struct {
	Accepted    int             `json:"accepted" doc:"records that are on disk, broken ones among them"`
	Quarantined int             `json:"quarantined" doc:"those of them that are no JSON objects; they are kept in the table quarantine"`
	Errors      []RecordProblem `json:"errors,omitempty" doc:"the broken records, at most 100"`
}

// Mount puts the door's paths on a mux.
func (d *PublicDoor) Mount(mux *http.ServeMux) {
	mux.HandleFunc("/v1/t/{key}", d.browser)
	mux.HandleFunc("GET /biwa.js", serveScript)
	d.mountSegment(mux)
}

// browser serves /v1/t/{key}: POST from scripts, GET with .gif from images.
func (d *PublicDoor) browser(w http.ResponseWriter, r *http.Request) {
	text, isPixel := strings.CutSuffix(r.PathValue("key"), ".gif")
	key, err := d.Guard.Public(text)
	if err != nil {
		problem.Write(w, err)
		return
	}
	if answerPreflight(w, r, key.AllowsOrigin) {
		return
	}
	switch {
	case isPixel && r.Method == http.MethodGet:
		d.pixel(w, r, key)
	case !isPixel && r.Method == http.MethodPost:
		answer, err := d.post(r, key)
		if err != nil {
			problem.Write(w, err)
			return
		}
		writeJSON(w, PublicAnswer{answer.Accepted, answer.Quarantined, answer.Errors})
	default:
		refuseMethod(w, r, map[bool]string{true: http.MethodGet, false: http.MethodPost}[isPixel])
	}
}

func (d *PublicDoor) post(r *http.Request, key *access.PublicKey) (Answer, error) {
	if err := d.admit(r, key); err != nil {
		return Answer{}, err
	}
	body, done, err := readBody(r, publicBodyBytes)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	lines, err := Split(body)
	if err != nil {
		return Answer{}, err
	}
	if lines.Unreadable == lines.Records {
		return Answer{}, unreadableLines(lines, "")
	}
	return d.take(r, key, lines, record.DoorBrowser)
}

// admit refuses early what would be refused later: a body is not read in vain.
func (d *PublicDoor) admit(r *http.Request, key *access.PublicKey) error {
	if err := key.CheckPage(r); err != nil {
		return err
	}
	return key.Take(0, d.Now())
}

// take puts records on the key's stream.
func (d *PublicDoor) take(r *http.Request, key *access.PublicKey, lines *Lines, door string) (Answer, error) {
	stream, err := d.Streams.Stream(key.Stream())
	if err != nil {
		return Answer{}, err
	}
	if err := key.Take(lines.Records, d.Now()); err != nil {
		return Answer{}, err
	}
	// A page that goes away has sent its records nevertheless: its last words come
	// from the very moment it is closed.
	return d.Intake.Take(context.WithoutCancel(r.Context()), Delivery{Stream: stream.ID, Lines: lines,
		Request: record.Request{Client: d.Guard.Client(r), UserAgent: clipHeader(r.UserAgent()), KeyID: key.Name, Door: door}})
}

// answerPreflight lets pages of the origins that allowed knows send requests and
// read the answers, as the Fetch standard lays it down, and says whether the request
// only asked for that.
func answerPreflight(w http.ResponseWriter, r *http.Request, allowed func(origin string) bool) bool {
	h, origin := w.Header(), r.Header.Get("Origin")
	h.Add("Vary", "Origin")
	if origin != "" && allowed(origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true") // sendBeacon always sends them; nothing here reads them
		h.Set("Access-Control-Expose-Headers", "Retry-After")
	}
	if r.Method != http.MethodOptions {
		return false
	}
	if h.Get("Access-Control-Allow-Origin") == "" {
		problem.Write(w, record.Errorf(record.Forbidden, "no key here is for pages of %q: add the origin to a public key's origins", origin))
		return true
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers")) // SDKs have some of their own
	h.Set("Access-Control-Max-Age", "7200")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

func refuseMethod(w http.ResponseWriter, r *http.Request, methods ...string) {
	slices.Sort(methods)
	w.Header().Set("Allow", strings.Join(append(methods, http.MethodOptions), ", "))
	problem.Write(w, record.Errorf(record.NotAllowed, "%s %s: the method here is %s", r.Method, r.URL.Path, strings.Join(methods, " or ")))
}

func writeJSON(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(answer) // the page may be gone; it sends its records again with their ids
}
