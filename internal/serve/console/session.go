package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/record"
)

// Cookies of preferences. They are the same for every node a browser knows.
const (
	languageCookie = "biwa_language"
	themeCookie    = "biwa_theme"
	formCookie     = "biwa_form" // what a form's csrf field is made from
)

// sessionTime is how long a login holds.
const sessionTime = 7 * 24 * time.Hour

// sessions makes and reads signed session cookies. Nothing is kept: a session ends
// with its time, with its key, or with the secret.
type sessions struct {
	secret []byte
	cookie string // its name is the node's own: browsers send cookies to every port of a host
}

// session is what a cookie says.
type session struct {
	Key   string       `json:"k,omitempty"` // name of the key; "" for a one-time link
	Proof string       `json:"p,omitempty"` // of the key's hash: another key of the name is another key
	Role  access.Scope `json:"r"`
	Until int64        `json:"u"`
}

func newSessions(secret []byte) sessions {
	s := sessions{secret: secret}
	s.cookie = "biwa_session_" + s.sign("name")[:8]
	return s
}

// sign is the proof that a text is ours.
func (s sessions) sign(text string) string {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func (s sessions) seal(x session) string {
	text, _ := json.Marshal(x) // strings and numbers only
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + s.sign("session "+body)
}

func (s sessions) open(value string) (x session, ok bool) {
	body, proof, _ := strings.Cut(value, ".")
	if !hmac.Equal([]byte(proof), []byte(s.sign("session "+body))) {
		return x, false
	}
	text, err := base64.RawURLEncoding.DecodeString(body)
	return x, err == nil && json.Unmarshal(text, &x) == nil
}

// role is what the visitor may do, "" for nothing: without keys everything, else
// what a session or the key in the request's header allows.
func (c *Console) role(r *http.Request) (role access.Scope, user string) {
	if c.Guard.Open() {
		return access.Admin, ""
	}
	if cookie, err := r.Cookie(c.sessions.cookie); err == nil {
		if s, ok := c.sessions.open(cookie.Value); ok && c.Now().Unix() < s.Until {
			if s.Key == "" {
				return s.Role, "admin"
			}
			if k, ok := c.Guard.KeyByName(s.Key); ok && s.Proof == c.proof(k) {
				return roleOf(&k), k.Name
			}
		}
	}
	for _, scope := range []access.Scope{access.Admin, access.Read} {
		if name, err := c.Guard.Check(r, scope, ""); err == nil {
			return scope, name
		}
	}
	return "", ""
}

func (c *Console) proof(k access.Key) string { return c.sessions.sign("key " + string(k.Hash[:]))[:16] }

func roleOf(k *access.Key) access.Scope {
	for _, scope := range []access.Scope{access.Admin, access.Read} {
		if k.Allows(scope, "") == nil {
			return scope
		}
	}
	return ""
}

// visit begins a visit; where the visitor may not go on it has answered.
func (c *Console) visit(w http.ResponseWriter, r *http.Request, scope access.Scope) (*Visit, bool) {
	v := c.begin(w, r)
	if v.Role == "" {
		http.Redirect(w, r, "/login?"+url.Values{"back": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		return nil, false
	}
	if scope == access.Admin && v.Role != access.Admin {
		c.failVisit(w, v, record.Errorf(record.Forbidden, "%s", v.T("frame.admin", string(v.Role))))
		return nil, false
	}
	return v, true
}

// begin makes a visit of whoever it is.
func (c *Console) begin(w http.ResponseWriter, r *http.Request) *Visit {
	v := &Visit{Request: r, Language: languageOf(r), Location: c.Location(), options: &c.Options, page: &page{}}
	v.Now = c.Now().In(v.Location)
	if t, err := r.Cookie(themeCookie); err == nil && (t.Value == "light" || t.Value == "dark") {
		v.Theme = t.Value
	}
	v.Role, v.User = c.role(r)
	v.CSRF = c.token(w, r)
	return v
}

// token is the value of the field csrf of the visitor's forms. It is made from a
// random cookie that no other site can read or set.
func (c *Console) token(w http.ResponseWriter, r *http.Request) string {
	if cookie, err := r.Cookie(formCookie); err == nil && len(cookie.Value) >= 20 {
		return c.sessions.sign("form " + cookie.Value)
	}
	value := rand.Text()
	c.keep(w, r, formCookie, value, 365*24*time.Hour)
	return c.sessions.sign("form " + value)
}

// keep sets a cookie that scripts cannot read.
func (c *Console) keep(w http.ResponseWriter, r *http.Request, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(age.Seconds()), HttpOnly: true,
		SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"})
}

// trusted says whether a form comes from a page of ours; if not it has answered.
func (c *Console) trusted(w http.ResponseWriter, r *http.Request) bool {
	if err := c.foreign.Check(r); err != nil {
		c.fail(w, r, record.Errorf(record.Forbidden, "a page of another site has sent this form: nothing was done"))
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, record.Errorf(record.Invalid, "read the form: %w", err))
		return false
	}
	cookie, err := r.Cookie(formCookie)
	if err != nil || !hmac.Equal([]byte(r.PostFormValue("csrf")), []byte(c.sessions.sign("form "+cookie.Value))) {
		c.fail(w, r, record.Errorf(record.Forbidden, "the form is too old, or the browser keeps no cookies: nothing was done; open the page again and send it once more"))
		return false
	}
	return true
}

// maxForm bounds a form, in bytes.
const maxForm = 2 << 20

// local refuses hosts and origins that a node without keys must not answer to.
func (c *Console) local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.Guard.Open() {
			if err := access.CheckHost(r); err != nil {
				c.fail(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
