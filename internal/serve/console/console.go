// Package console is the node's pages for people. Each page answers one question,
// keeps its state in its URL, and works without a script: forms, a redirect after
// each post, and ?refresh=5. With a script the parts of a page that move are sent
// as server-sent events and replaced by their ids.
//
// Every number on a page comes from the node through the interfaces of node.go.
// Nothing is loaded from elsewhere and nothing is inline, which the content
// security policy says as well. docs/console.md has the rules.
package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/access"
)

//go:embed template asset
var files embed.FS

// Options of a console. Node, Guard, Location, Now and Log are required.
type Options struct {
	Node     Node
	Guard    *access.Guard
	Location func() *time.Location // the project's zone
	Now      func() time.Time
	Log      *slog.Logger
	Project  string
	Version  string // of the program
	// Secret signs sessions and forms. With the same one a session outlives a start.
	Secret []byte
	// Once is asked whether a one-time login token is good, and uses it up.
	Once func(r *http.Request, token string) (bool, error)
	// AWS is the address of the AWS port, "" where there is none.
	AWS func() string
	// Watched says whether a saved file of the project is applied without a reload.
	Watched bool
	// Demo is nil but in biwa demo.
	Demo Demo
	// Ended is closed when the node stops: live pages end then.
	Ended <-chan struct{}
}

// Console serves the pages.
type Console struct {
	Options
	pages    map[string]*page // by path
	glance   glance
	foreign  *http.CrossOriginProtection
	sessions sessions
	history  history
	outcomes outcomes
}

// New makes a console.
func New(o Options) *Console {
	c := &Console{Options: o, pages: map[string]*page{}, foreign: http.NewCrossOriginProtection(), sessions: newSessions(o.Secret)}
	all := pages()
	if o.Demo != nil {
		all = append(all, demoPages()...)
	}
	for _, p := range all {
		p.parse()
		c.pages[p.path] = p
	}
	return c
}

// Handler serves every page, and an error page for what is none.
func (c *Console) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, p := range c.pages {
		if path == "/" {
			path = "/{$}"
		}
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { c.show(w, r, p) })
		if len(p.actions) > 0 {
			mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { c.act(w, r, p) })
		}
	}
	if c.Demo != nil {
		mux.HandleFunc("GET /demo/{article}/seen", c.seen)
		mux.HandleFunc("POST /tour/kill", c.kill)
	}
	mux.HandleFunc("GET /sql/download", c.download)
	mux.HandleFunc("GET /sql/words", c.words)
	mux.HandleFunc("GET /login", c.loginPage)
	mux.HandleFunc("POST /login", c.login)
	mux.HandleFunc("POST /logout", c.logout)
	mux.HandleFunc("POST /preference", c.prefer)
	mux.Handle("GET /console/", http.StripPrefix("/console/", c.assets()))
	mux.HandleFunc("/", c.lost)
	return secured(c.local(mux))
}

// secured says what a page may load and who may frame it.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// assetVersion changes with the embedded style and script, so that browsers may
// keep them.
var assetVersion = func() string {
	sum := sha256.New()
	for _, name := range []string{"base.css", "style.css", "site.css", "script.js", "sql.js", "icon.svg"} {
		text, err := files.ReadFile("asset/" + name)
		if err != nil {
			panic(err) // it is embedded
		}
		sum.Write(text)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}()

// assets serves style, script and icon.
func (c *Console) assets() http.Handler {
	folder, err := fs.Sub(files, "asset")
	if err != nil {
		panic(err) // the folder is embedded
	}
	server := http.FileServerFS(folder)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "" || strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		server.ServeHTTP(w, r)
	})
}
