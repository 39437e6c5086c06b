package test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// demoCommand runs biwa demo as nodeCommand does biwa up.
func demoCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 0, "demo start DIR FLAGS | stop | kill9 | gone")
	s := of(ts)
	switch args[0] {
	case "start":
		want(ts, len(args) > 1, "demo start DIR FLAGS")
		if s.node == nil {
			n, err := newNode(s.work, args[1])
			ts.Check(err)
			s.node = n
		}
		s.node.demo, s.node.dir, s.node.flags = true, args[1], args[2:]
		s.up(ts)
	case "stop":
		ts.Check(s.node.stop())
		s.saveLog(ts)
		s.node.demo = false
	case "kill9":
		ts.Check(s.node.kill())
	case "gone":
		if !await(func() bool {
			answer, err := http.Get(s.node.url() + "/healthz")
			if err == nil {
				answer.Body.Close()
			}
			return err != nil
		}) {
			ts.Fatalf("a node still answers at %s", s.node.url())
		}
	default:
		ts.Fatalf("demo %s: there are start, stop, kill9 and gone", args[0])
	}
}

var csrfField = regexp.MustCompile(`name="csrf" value="([0-9a-f]+)"`)

// formCommand fills in a form of a page as a browser without scripts does.
func formCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 0, "form PATH NAME=VALUE...")
	s := of(ts)
	if s.browser == nil {
		jar, err := cookiejar.New(nil)
		ts.Check(err)
		s.browser = &http.Client{Jar: jar}
	}
	form := url.Values{}
	for _, arg := range args[1:] {
		name, value, ok := strings.Cut(arg, "=")
		want(ts, ok, "form PATH NAME=VALUE...")
		if file, isFile := strings.CutPrefix(value, "@"); isFile {
			text, err := os.ReadFile(ts.MkAbs(file))
			ts.Check(err)
			value = string(text)
		}
		form.Set(name, value)
	}
	page := args[0]
	if path, _, _ := strings.Cut(page, "?"); path == "/tour/kill" {
		page = "/tour"
	}
	answer, err := s.browser.Get(s.node.url() + page)
	ts.Check(err)
	text, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	ts.Check(err)
	token := csrfField.FindSubmatch(text)
	if token == nil {
		ts.Fatalf("%s has no form: %s", page, text)
	}
	form.Set("csrf", string(token[1]))
	answer, err = s.browser.PostForm(s.node.url()+args[0], form)
	ts.Check(err)
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	ts.Check(err)
	ts.Setenv("PAGE", answer.Request.URL.RequestURI())
	fmt.Fprintf(ts.Stdout(), "%d\n%s\n", answer.StatusCode, text)
}
