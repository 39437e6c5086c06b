package collect

import (
	"net/http"
	"strings"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// Segment's own limits, from its HTTP API reference.
const (
	segmentEventBytes = 32 << 10
	segmentBatchBytes = 500 << 10
)

// segmentCalls are the calls of Segment's tracking API by the last part of their
// path, with the type of message each makes; a batch's messages have their own. The
// short names are those that Segment's browser and mobile SDKs use.
var segmentCalls = map[string]string{
	"track": "track", "page": "page", "screen": "screen", "identify": "identify", "group": "group", "alias": "alias", "batch": "",
	"t": "track", "p": "page", "s": "screen", "i": "identify", "g": "group", "a": "alias", "b": "", "import": "",
}

type segmentAnswer struct {
	Success bool `json:"success"`
}

// mountSegment puts Segment's paths on a mux.
func (d *PublicDoor) mountSegment(mux *http.ServeMux) {
	for call, kind := range segmentCalls {
		mux.HandleFunc("/v1/"+call, func(w http.ResponseWriter, r *http.Request) {
			d.ofSegment(w, r, http.MethodPost, func() (any, error) { return segmentAnswer{true}, d.track(r, kind) })
		})
	}
	mux.HandleFunc("/v1/m", func(w http.ResponseWriter, r *http.Request) {
		d.ofSegment(w, r, http.MethodPost, func() (any, error) { return segmentAnswer{true}, nil }) // the SDK's figures on itself
	})
	mux.HandleFunc("/v1/projects/{key}/settings", func(w http.ResponseWriter, r *http.Request) {
		d.ofSegment(w, r, http.MethodGet, func() (any, error) { return d.segmentSettings(r) })
	})
}

// ofSegment answers a request to one of Segment's paths, and preflights. Those show
// no key, so a page of any key may ask.
func (d *PublicDoor) ofSegment(w http.ResponseWriter, r *http.Request, method string, run func() (any, error)) {
	if answerPreflight(w, r, d.Guard.PublicOrigin) {
		return
	}
	if r.Method != method {
		refuseMethod(w, r, method)
		return
	}
	answer, err := run()
	if err != nil {
		problem.Write(w, err)
		return
	}
	writeJSON(w, answer)
}

// track stores the messages of one call.
func (d *PublicDoor) track(r *http.Request, kind string) error {
	var key *access.PublicKey
	var err error
	if user, _, ok := r.BasicAuth(); ok { // a wrong one is refused before the body is read
		if key, err = d.segmentKey(r, user); err != nil {
			return err
		}
	}
	body, done, err := readBody(r, segmentBatchBytes)
	if record.KindOf(err) == record.TooLarge {
		return record.Errorf(record.Invalid, "the body is over %d KB, the limit of a batch: send it in several", segmentBatchBytes>>10)
	}
	if err != nil {
		return err
	}
	defer done()
	call, err := readSegmentCall(body, kind)
	if err != nil {
		return err
	}
	if key == nil {
		if call.writeKey == "" {
			return record.Errorf(record.Unauthorized, "a write key is needed: send a public key as the user of basic authentication, or as writeKey in the body")
		}
		if key, err = d.segmentKey(r, call.writeKey); err != nil {
			return err
		}
	}
	lines := call.lines(d.Now())
	if lines.Records == 0 {
		return nil
	}
	_, err = d.take(r, key, lines, record.DoorSegment)
	return err
}

func (d *PublicDoor) segmentKey(r *http.Request, writeKey string) (*access.PublicKey, error) {
	key, err := d.Guard.Public(writeKey)
	if err != nil {
		return nil, err
	}
	return key, d.admit(r, key)
}

// segmentSettings is what the browser and mobile SDKs ask before they send: that
// there is one destination, and that it is here.
func (d *PublicDoor) segmentSettings(r *http.Request) (any, error) {
	writeKey := r.PathValue("key")
	key, err := d.Guard.Public(writeKey)
	if err != nil {
		return nil, err
	}
	if err := key.CheckPage(r); err != nil {
		return nil, err
	}
	protocol := "http"
	// Who says https without a proxy that does it misleads nobody but itself.
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		protocol = "https"
	}
	type object = map[string]any
	return object{
		"integrations": object{"Segment.io": object{"apiKey": writeKey, "apiHost": r.Host + "/v1", "protocol": protocol, "retryQueue": true}},
		"plan":         object{"track": object{"__default": object{"enabled": true}}, "identify": object{"__default": object{"enabled": true}}, "group": object{"__default": object{"enabled": true}}},
		"metrics":      object{"sampleRate": 0, "host": r.Host + "/v1"}, "edgeFunction": object{}, "enabledMiddleware": object{}, "middlewareSettings": object{},
		"remotePlugins": []any{}, "legacyVideoPluginsEnabled": false, "analyticsNextEnabled": true,
	}, nil
}
