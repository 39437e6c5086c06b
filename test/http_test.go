package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
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
