package test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/biwa-data/biwa/internal/testkit"
)

// visitor is a real browser on a running biwa demo.
type visitor struct {
	*testing.T
	tab context.Context
	url string
}

func (v visitor) do(actions ...chromedp.Action[chromedp.Void]) {
	v.Helper()
	if err := testkit.Do(v.tab, actions...); err != nil {
		v.Fatal(err)
	}
}

func (v visitor) open(path string) {
	v.Helper()
	v.do(chromedp.Navigate(v.url + path))
}

// sees waits until an expression is true in the page. Without scripts the page is
// read anew until it is.
func (v visitor) sees(what, expression string, anew bool) {
	v.Helper()
	if !await(func() bool {
		found, err := chromedp.Run(v.tab, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && !found && anew {
			_ = chromedp.Do(v.tab, chromedp.Reload()) // the page may be on its way elsewhere
		}
		return err == nil && found // between two pages there is none to ask
	}) {
		text, _ := chromedp.Run(v.tab, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
		v.Fatalf("never saw %s: %s\n%s", what, expression, text)
	}
}

func has(selector, text string) string {
	return fmt.Sprintf("(document.querySelector(%q)?.textContent || '').includes(%q)", selector, text)
}

// trial is true when everything acknowledged was found, and nothing twice.
const trial = `(() => { const d = [...document.querySelectorAll('#trial dd')].map(e => e.textContent); return d.length == 4 && d[0] != '0' && d[0] == d[1] && d[2] == '0' })()`

// TestFiveMinutesInABrowser clicks through the demo, with the page's scripts and
// without. Each is a folder of its own.
func TestFiveMinutesInABrowser(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		t.Run(map[bool]string{true: "with scripts", false: "without"}[scripts], func(t *testing.T) {
			n, err := newNode(t.TempDir(), "site", "--rate", "200")
			if err != nil {
				t.Fatal(err)
			}
			n.demo = true
			defer func() {
				if err := n.kill(); err != nil {
					t.Error(err)
				}
			}()
			v := visitor{t, testkit.Chromium(t), "http://localhost" + n.http[strings.LastIndex(n.http, ":"):]}
			if err := n.start(); err != nil {
				t.Fatal(err)
			}
			if !scripts {
				if _, err := chromedp.Call(v.tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
					t.Fatal(err)
				}
			}
			v.walk(n, scripts)
		})
	}
}

func (v visitor) walk(n *node, scripts bool) {
	anew := !scripts
	v.open("/demo")
	v.do(chromedp.Click("a[href='/demo/101']"))
	v.sees("the article", has("h1", "琵琶湖"), false)
	// Without scripts each reading of the page is one more view.
	v.sees("its count to go up", `/[1-9]\d* yours/.test(document.querySelector('#reads').textContent)`, anew)
	v.open("/tour")
	v.sees("the click in the tap", "document.querySelector('.tap tr.you')", anew)
	v.sees("readers by creator", has("#click", "Clara Whitfield"), anew)
	v.do(chromedp.Click("#day a"))
	v.sees("the days of UTC", "location.search.includes('zone=UTC') && "+has("#day", "day in UTC"), false)

	v.do(chromedp.Click("button[value=send]"))
	v.sees("why it is kept", has("#where", "not_allowed"), false)
	v.define(`bigint}`, `bigit}`)
	v.sees("the mistake's place", has("#text-said", "streams/action_logs.yaml:12:")+" && "+has("#text-said", "did you mean bigint"), false)
	v.define(`bigit}`, `bigint}`)
	v.sees("it saved", "document.querySelector('#defined')", false)
	v.define(`comment, heartbeat`, `comment, share, heartbeat`)
	v.sees("the next version", has("#defined", "Version 2 of the project runs"), false)
	v.do(chromedp.Click("button[value=replay]"))
	v.sees("the ledger to balance", has("#replayed", "balances")+" && "+has("#where", "is in the table"), false)

	before := v.process(n)
	v.do(chromedp.Click("button.kill"))
	v.sees("nothing lost", trial, anew)
	if after := v.process(n); after == before {
		v.Errorf("process %s was not killed", before)
	}
	v.open("/")
	v.sees("Home", has("h1", "Is everything right?"), false)
}

// define changes the definition in the page's form.
func (v visitor) define(old, text string) {
	v.Helper()
	v.do(chromedp.EvaluateAsDevTools[chromedp.Void](fmt.Sprintf("document.querySelector('#text').value = document.querySelector('#text').value.replace(%q, %q)", old, text)),
		chromedp.Click("button[value=define]"))
}

var processText = regexp.MustCompile(`Process ([0-9,]+), up`)

// process is the node's, as the page names it.
func (v visitor) process(n *node) (pid string) {
	v.Helper()
	s := &script{node: n}
	if !await(func() bool {
		found := processText.FindStringSubmatch(s.page("/tour", ""))
		if found != nil {
			pid = found[1]
		}
		return found != nil
	}) {
		v.Fatal("the page names no process")
	}
	return pid
}
