package console

import (
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/biwa-data/biwa/internal/access"
)

// loginData is what the login page shows.
type loginData struct {
	Back, Once string
	Wrong      string // a message's key
	Holds      time.Duration
}

var loginForm = func() *page {
	p := &page{path: "/login", file: "login.html"}
	p.parse()
	return p
}()

func (c *Console) loginPage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c.showLogin(w, r, http.StatusOK, loginData{Back: q.Get("back"), Once: q.Get("once")})
}

func (c *Console) showLogin(w http.ResponseWriter, r *http.Request, status int, d loginData) {
	v := c.begin(w, r)
	v.page, d.Holds = loginForm, sessionTime
	v.Data = d
	text, err := v.execute("base")
	if err != nil {
		c.fail(w, r, err)
		return
	}
	writePage(w, status, text)
}

// login takes a key, or a one-time link's token. The link itself only shows the
// form: what merely looks at links must not use it up.
func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	if !c.trusted(w, r) {
		return
	}
	d := loginData{Back: r.PostFormValue("back")}
	s := session{Until: c.Now().Add(sessionTime).Unix()}
	if once := r.PostFormValue("once"); once != "" {
		good, err := c.Once(r, once)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		if d.Wrong = "login.used"; good {
			s.Role = access.Admin
		}
	} else {
		d.Wrong = "login.wrong"
		shown := r.Clone(r.Context())
		shown.Header.Set("Authorization", "Bearer "+strings.TrimSpace(r.PostFormValue("key")))
		if name, err := c.Guard.Check(shown, access.Read, ""); err == nil && name != "" {
			k, _ := c.Guard.KeyByName(name)
			s.Key, s.Proof, s.Role = name, c.proof(k), roleOf(&k)
		}
	}
	if s.Role == "" {
		c.showLogin(w, r, http.StatusUnauthorized, d)
		return
	}
	c.keep(w, r, c.sessions.cookie, c.sessions.seal(s), sessionTime)
	http.Redirect(w, r, within(d.Back), http.StatusSeeOther)
}

func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	if !c.trusted(w, r) {
		return
	}
	c.keep(w, r, c.sessions.cookie, "", -time.Second)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// prefer keeps the visitor's language or theme.
func (c *Console) prefer(w http.ResponseWriter, r *http.Request) {
	if !c.trusted(w, r) {
		return
	}
	const year = 365 * 24 * time.Hour
	switch l := Language(r.PostFormValue("language")); l {
	case English, Japanese:
		c.keep(w, r, languageCookie, string(l), year)
	}
	switch t := r.PostFormValue("theme"); t {
	case "light", "dark":
		c.keep(w, r, themeCookie, t, year)
	}
	http.Redirect(w, r, within(r.PostFormValue("back")), http.StatusSeeOther)
}

// within is an address of this console, Home for any other. Browsers leave out tabs and
// line breaks and take a backslash for a slash, so none of these may be in it.
func within(address string) string {
	strange := func(c rune) bool { return c == '\\' || unicode.IsControl(c) || unicode.IsSpace(c) }
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") || strings.ContainsFunc(address, strange) {
		return "/"
	}
	return address
}
