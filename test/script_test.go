package test

import (
	"archive/zip"
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/text/encoding/japanese"
	_ "modernc.org/sqlite" // to damage a metadata database

	"github.com/biwa-data/biwa/internal/ledger"
)

var update = flag.Bool("update", false, "write what the scripts print into them")

// TestScripts runs *.txt. Besides testscript's own commands they have:
//
//	biwa ARGS              run biwa; with ! it must fail
//	exits N biwa ARGS      run biwa; it must end with exit code N
//	await RE biwa ARGS     run biwa again and again until its output matches
//	node start DIR FLAGS   start biwa up and wait until it is ready; sets BIWA_URL,
//	                       BIWA_PORT and BIWA_PID; its log is $WORK/node.log
//	node stop|kill9|restart|hangup
//	demo start DIR FLAGS   start biwa demo, as node start does biwa up
//	demo stop|kill9|gone   Ctrl-C; kill the supervisor; wait until nothing answers
//	form PATH NAME=VALUE   fill in a form of a console's page; @FILE is a file's text.
//	                       Prints status and page; sets PAGE to where it led
//	tap start STREAM N     start biwa tap; tap wait puts what it printed into tap.out
//	interrupt biwa ARGS    run biwa, and Ctrl-C it when the node has got some records
//	generate N FILE        write N records as JSON lines
//	http METHOD PATH       send a request, with -H 'Name: value' and -d BODY; prints its
//	                       status, its headers and its body
//	pack FORMAT FROM TO    write a file as gzip, zstd or shift_jis, or files A,B as zip
//	says RE                wait until the node's log, since the last says, matches
//	shows PATH RE          wait until a page of the console matches, for the key in
//	                       BIWA_KEY; with ! until it does not
//	meta FOLDER SQL        run a statement on the metadata of a node that is stopped
func TestScripts(t *testing.T) {
	dir, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{Dir: ".", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			s := &script{work: e.WorkDir}
			e.Values[scriptKey{}] = s
			e.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("NOW", time.Now().UTC().Format(time.RFC3339))
			e.Defer(s.end)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"biwa": biwaCommand, "exits": exitsCommand, "await": awaitCommand, "node": nodeCommand, "tap": tapCommand,
			"interrupt": interruptCommand, "generate": generateCommand, "pack": packCommand, "http": httpCommand, "meta": metaCommand, "says": saysCommand, "demo": demoCommand, "form": formCommand, "shows": showsCommand,
		}})
}

type scriptKey struct{}

// script is what a running script has besides its folder.
type script struct {
	work    string
	node    *node
	tap     *exec.Cmd
	seen    bytes.Buffer // by the tap
	browser *http.Client // of form, with its cookies
	said    int          // how much of the node's log says has passed
}

func of(ts *testscript.TestScript) *script { return ts.Value(scriptKey{}).(*script) }

func (s *script) end() {
	if s.tap != nil {
		_ = s.tap.Process.Kill() // a script that failed left it
	}
	if s.node != nil {
		_ = s.node.kill()
	}
}

func want(ts *testscript.TestScript, ok bool, usage string) {
	if !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

func biwaCommand(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("biwa", args...)
	switch {
	case err != nil && !neg:
		ts.Fatalf("biwa %s: %v", strings.Join(args, " "), err)
	case err == nil && neg:
		ts.Fatalf("biwa %s: succeeded", strings.Join(args, " "))
	}
}

func exitsCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 1, "exits CODE biwa ARGS")
	code, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != code {
		ts.Fatalf("exit code %d, want %d", got, code)
	}
}

func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 2 && args[1] == "biwa", "await RE biwa ARGS")
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	s := of(ts)
	var last string
	if !await(func() bool {
		last, _, err = s.node.biwa(args[2:]...)
		return err == nil && re.MatchString(last)
	}) {
		ts.Fatalf("biwa %s never printed %s, last: %s %v", strings.Join(args[2:], " "), args[0], last, err)
	}
}

func nodeCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 0, "node start DIR FLAGS | stop | kill9 | restart | hangup")
	s := of(ts)
	switch args[0] {
	case "start":
		want(ts, len(args) > 1, "node start DIR FLAGS")
		if s.node == nil {
			n, err := newNode(s.work, args[1], args[2:]...)
			ts.Check(err)
			s.node = n
		}
		s.node.dir, s.node.flags = args[1], args[2:]
		s.up(ts)
	case "restart":
		ts.Check(s.node.stop())
		s.up(ts)
	case "stop":
		ts.Check(s.node.stop())
		s.saveLog(ts)
	case "kill9":
		ts.Check(s.node.kill())
	case "hangup":
		before := strings.Count(s.node.log.String(), "reload")
		ts.Check(s.node.cmd.Process.Signal(syscall.SIGHUP))
		if !await(func() bool { return strings.Count(s.node.log.String(), "reload") > before }) {
			ts.Fatalf("the node did not reload")
		}
		s.saveLog(ts)
	default:
		ts.Fatalf("node %s: there are start, stop, kill9, restart and hangup", args[0])
	}
}

func (s *script) up(ts *testscript.TestScript) {
	s.node.env = os.Environ()
	for _, name := range []string{"PATH", "HOME", "SITE_KEY", "BIWA_ENV"} {
		s.node.env = append(s.node.env, name+"="+ts.Getenv(name))
	}
	ts.Check(s.node.start())
	s.saveLog(ts)
	ts.Setenv("BIWA_URL", s.node.url())
	ts.Setenv("BIWA_PORT", s.node.http[strings.LastIndex(s.node.http, ":")+1:])
	ts.Setenv("BIWA_PID", strconv.Itoa(s.node.cmd.Process.Pid))
}

func (s *script) saveLog(ts *testscript.TestScript) {
	ts.Check(os.WriteFile(filepath.Join(s.work, "node.log"), []byte(s.node.log.String()), 0o600))
}

func tapCommand(ts *testscript.TestScript, neg bool, args []string) {
	s := of(ts)
	switch {
	case len(args) == 3 && args[0] == "start":
		dir, err := binary()
		ts.Check(err)
		s.tap = exec.Command(filepath.Join(dir, "biwa"), "tap", args[1], "-n", args[2], "--url", s.node.url())
		s.tap.Stdout = &s.seen
		started := &logBuffer{}
		s.tap.Stderr = started
		ts.Check(s.tap.Start())
		if !await(func() bool { return strings.Contains(started.String(), "watching") }) {
			ts.Fatalf("the tap did not start: %s", started.String())
		}
	case len(args) == 1 && args[0] == "wait":
		ts.Check(s.tap.Wait())
		s.tap = nil
		ts.Check(os.WriteFile(ts.MkAbs("tap.out"), s.seen.Bytes(), 0o600))
	default:
		ts.Fatalf("usage: tap start STREAM N | tap wait")
	}
}

func interruptCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) > 1 && args[0] == "biwa", "interrupt biwa ARGS")
	s := of(ts)
	dir, err := binary()
	ts.Check(err)
	cmd := exec.Command(filepath.Join(dir, "biwa"), args[1:]...)
	cmd.Dir, cmd.Env = s.work, append(os.Environ(), "BIWA_URL="+s.node.url())
	before := s.accepted()
	ts.Check(cmd.Start())
	if !await(func() bool { return s.accepted() > before }) {
		ts.Fatalf("no record has come")
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	ts.Logf("interrupted: %v", cmd.Wait())
}

// accepted is how many records the node has taken.
func (s *script) accepted() (total int64) {
	answer, err := http.Get(s.node.url() + "/v1/ledger")
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	var r ledger.Report
	if json.NewDecoder(answer.Body).Decode(&r) != nil {
		return 0
	}
	for _, one := range r.Streams {
		total += one.Accepted
	}
	return total
}

func generateCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 2, "generate N FILE")
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var b bytes.Buffer
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		fmt.Fprintf(&b, `{"ts":"%s","event":"view","user_id":"u%d","n":%d}`+"\n", start.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i%97, i)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), b.Bytes(), 0o600))
}

func packCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 3, "pack gzip|zstd|zip|shift_jis FROM TO")
	names := strings.Split(args[1], ",")
	text := []byte(ts.ReadFile(names[0]))
	var b bytes.Buffer
	switch args[0] {
	case "zip":
		z := zip.NewWriter(&b)
		for _, name := range names {
			f, err := z.Create(name)
			ts.Check(err)
			_, err = f.Write([]byte(ts.ReadFile(name)))
			ts.Check(err)
		}
		ts.Check(z.Close())
	case "gzip":
		z := gzip.NewWriter(&b)
		_, err := z.Write(text)
		ts.Check(errors.Join(err, z.Close()))
	case "zstd":
		z, err := zstd.NewWriter(&b)
		ts.Check(err)
		_, err = z.Write(text)
		ts.Check(errors.Join(err, z.Close()))
	case "shift_jis":
		out, err := japanese.ShiftJIS.NewEncoder().Bytes(text)
		ts.Check(err)
		b.Write(out)
	default:
		ts.Fatalf("pack %s: there are gzip, zstd, zip and shift_jis", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), b.Bytes(), 0o600))
}

func saysCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 1, "says RE")
	re, err := regexp.Compile(args[0])
	ts.Check(err)
	s := of(ts)
	if !await(func() bool {
		found := re.FindStringIndex(s.node.log.String()[s.said:])
		if found != nil {
			s.said += found[1]
		}
		return found != nil
	}) {
		ts.Fatalf("the node never said %s, but: %s", args[0], s.node.log.String()[s.said:])
	}
}

func metaCommand(ts *testscript.TestScript, neg bool, args []string) {
	want(ts, !neg && len(args) == 2, "meta FOLDER SQL")
	db, err := sql.Open("sqlite", ts.MkAbs(filepath.Join(args[0], "meta.db")))
	ts.Check(err)
	_, err = db.Exec(args[1])
	ts.Check(errors.Join(err, db.Close()))
}
