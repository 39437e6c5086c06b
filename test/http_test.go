package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// httpCommand sends a request to the script's node. A body that is the name of a
// file is the file's.
func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	const usage = "http METHOD PATH [-H 'Name: value']... [-d BODY]"
	want(ts, !neg && len(args) >= 2, usage)
	var body string
	headers := http.Header{}
	for rest := args[2:]; len(rest) > 0; rest = rest[2:] {
		want(ts, len(rest) > 1 && (rest[0] == "-H" || rest[0] == "-d"), usage)
		if rest[0] == "-d" {
			body = rest[1]
			if text, err := os.ReadFile(ts.MkAbs(body)); err == nil {
				body = string(text)
			}
			continue
		}
		name, value, ok := strings.Cut(rest[1], ": ")
		want(ts, ok, usage)
		headers.Add(name, value)
	}
	r, err := http.NewRequest(args[0], of(ts).node.url()+args[1], strings.NewReader(body))
	ts.Check(err)
	r.Header, r.Host = headers, headers.Get("Host")
	answer, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	out := ts.Stdout()
	fmt.Fprintln(out, answer.StatusCode)
	ts.Check(answer.Header.Write(out))
	fmt.Fprintf(out, "\n%s\n", text)
}

// showsCommand waits until a page of the console, asked for with the key in BIWA_KEY,
// matches; with ! until it does not.
func showsCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, len(args) == 2, "shows PATH RE")
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	var text string
	if !await(func() bool {
		text = of(ts).page(args[0], ts.Getenv("BIWA_KEY"))
		return text != "" && re.MatchString(text) != neg
	}) {
		ts.Fatalf("%s never showed %s, last:\n%s", args[0], args[1], text)
	}
}

// page is a page of the script's node for who has a key, "" where it does not answer.
func (s *script) page(path, key string) string {
	r, err := http.NewRequest(http.MethodGet, s.node.url()+path, nil)
	if err != nil {
		return ""
	}
	r.Header.Set("Accept", "text/html")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}
