package console_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/testkit"
)

// window is a real browser's tab on a node's console, and what it complained of.
type window struct {
	*testkit.Node
	tab context.Context

	mu         sync.Mutex
	complaints []string
}

func openWindow(t *testing.T, n *testkit.Node) *window {
	t.Helper()
	w := &window{Node: n, tab: testkit.Chromium(t)}
	err := chromedp.Listen(w.tab, func(event any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		switch e := event.(type) {
		case *log.EventEntryAdded:
			w.complaints = append(w.complaints, e.Entry.Text+" "+e.Entry.URL)
		case *runtime.EventExceptionThrown:
			w.complaints = append(w.complaints, e.ExceptionDetails.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	call(w, log.Enable, cdp.Empty{})
	return w
}

func (w *window) run(actions ...chromedp.Action[chromedp.Void]) {
	w.T.Helper()
	if err := testkit.Do(w.tab, actions...); err != nil {
		w.T.Fatal(err)
	}
}

func call[P, R any](w *window, command cdp.Command[P, R], params P) {
	w.T.Helper()
	if _, err := chromedp.Call(w.tab, command, params); err != nil {
		w.T.Fatal(err)
	}
}

func (w *window) open(path string) {
	w.T.Helper()
	w.run(chromedp.Navigate(w.URL+path), chromedp.WaitVisible("main h1"))
}

// text is what a script of the test finds; it works with the page's scripts off.
func (w *window) text(script string) string {
	w.T.Helper()
	found, err := chromedp.Run(w.tab, chromedp.Evaluate[string](script))
	if err != nil {
		w.T.Fatalf("%s: %v", script, err)
	}
	return found
}

// await waits until an expression is true in the page.
func (w *window) await(what, script string) {
	w.T.Helper()
	w.Await(what, func() bool {
		found, err := chromedp.Run(w.tab, chromedp.Evaluate[bool]("Boolean("+script+")"))
		return err == nil && found // between two pages there is none to ask
	})
}

func (w *window) click(selector string) {
	w.T.Helper()
	w.run(chromedp.Click(selector))
}

func (w *window) quiet() {
	w.T.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.complaints {
		w.T.Errorf("the browser complains: %s", c)
	}
}

func has(selector, text string) string {
	return fmt.Sprintf("(document.querySelector(%q)?.textContent || '').includes(%q)", selector, text)
}

// TestWithScripts walks through the pages as a visitor does.
func TestWithScripts(t *testing.T) {
	n := start(t)
	w := openWindow(t, n)
	w.open("/")
	w.await("the first record's snippet", has("#answer", "/v1/events/visits"))
	w.await("a copy button", "document.querySelector('#answer button.copy')")
	w.run(chromedp.EvaluateAsDevTools[chromedp.Void]("window.stays = 1"))
	fill(t, n)
	w.await("Home to follow", has("#answer", "every record is accounted for")+" && "+has("#sum", "accepted 4"))
	w.await("the same page", "window.stays === 1")

	w.click("#rail a[href='/streams']")
	w.await("Streams", has("h1", "Are all streams flowing?"))
	w.click("#streams tbody a")
	w.await("the stream", has("h1", "visits"))
	n.Send("visits", `{"ts":"`+now()+`","page":"/seen-live"}`)
	w.await("the record in the tap", has("#tap", "/seen-live"))
	w.run(chromedp.Click("label[for=as3]"))
	w.await("the other snippet", "getComputedStyle(document.querySelector('#as3 + label + pre')).display === 'block'")

	w.click("#tap a[data-key='.']")
	w.await("the pause", "location.search === '?refresh=0' && "+has("#tap", "go on"))
	n.Send("visits", `{"ts":"`+now()+`","page":"/unseen"}`)
	n.Send("visits", `{"ts":"`+now()+`","page":"/unseen"}`)
	n.Await("the node to remember them", func() bool { return strings.Contains(visitor(t, n).get("/streams/visits"), "/unseen") })
	if strings.Contains(w.text("document.querySelector('#tap').textContent"), "/unseen") || w.text("String(document.body.dataset.live)") != "undefined" {
		t.Error("a paused page moves")
	}

	w.click("form.theme button[value=dark]")
	w.await("the dark theme at once", "document.documentElement.dataset.theme === 'dark'")
	w.open("/tables")
	w.await("the dark theme to stay", "document.documentElement.dataset.theme === 'dark' && getComputedStyle(document.body).backgroundColor === 'rgb(12, 20, 24)'")
	w.run(chromedp.KeyEvent("g"), chromedp.KeyEvent("h"))
	w.await("Home by keys", "location.pathname === '/'")
	w.click("button[name=language]")
	w.await("Japanese", "document.documentElement.lang === 'ja' && "+has("h1", "すべて正常ですか"))
	w.quiet()
}

// TestWithoutScripts does the same where no script of the page runs.
func TestWithoutScripts(t *testing.T) {
	n := start(t)
	w := openWindow(t, n)
	call(w, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	w.open("/?refresh=1")
	fill(t, n)
	w.await("Home to read itself anew", has("#answer", "every record is accounted for"))
	w.open("/")
	w.click("#rail a[href='/streams']")
	w.await("Streams", has("h1", "Are all streams flowing?"))
	w.click("#streams tbody a")
	w.await("the stream", has("h1", "visits")+" && "+has("#tap", "/湖"))
	w.click("label[for=as3]")
	w.await("the other snippet", "getComputedStyle(document.querySelector('#as3 + label + pre')).display === 'block'")
	w.click("form.theme button[value=dark]")
	w.await("the dark theme, on the same page", "document.documentElement.dataset.theme === 'dark' && location.pathname === '/streams/visits'")
	w.click("button[name=language]")
	w.await("Japanese, on the same page", "document.documentElement.lang === 'ja' && location.pathname === '/streams/visits'")
	w.open("/tables/visits")
	w.await("columns", has("#columns", "when it happened"))
	if w.text("getComputedStyle(document.querySelector('#keys')).display") != "none" {
		t.Error("the list of keys is there where no key works")
	}
	w.quiet()
}

// TestNarrowPagesDoNotScrollSideways opens each page at widths of phones, in both
// languages: only tables may scroll, in their own place, which the keyboard reaches.
func TestNarrowPagesDoNotScrollSideways(t *testing.T) {
	n := start(t)
	fill(t, n)
	w := openWindow(t, n)
	for _, language := range []string{"en", "ja"} {
		w.open("/")
		w.await("the language's button", "document.querySelector('button[name=language]')")
		if w.text("document.documentElement.lang") != language {
			w.click("button[name=language]")
			w.await(language, fmt.Sprintf("document.documentElement.lang === %q", language))
		}
		for _, width := range []int64{320, 400, 1280} {
			w.run(chromedp.EmulateViewport(width, 900))
			for _, path := range paths {
				w.open(path + "?refresh=0")
				if got := w.text("String(document.documentElement.scrollWidth - document.documentElement.clientWidth)"); got != "0" {
					t.Errorf("%s at %d px, %s: %s px too wide: %s", path, width, language, got, w.text(tooWide))
				}
				if left := w.text("Array.from(document.querySelectorAll('.scroll')).filter(s => s.tabIndex !== 0 || !s.getAttribute('aria-label')).length + ''"); left != "0" {
					t.Errorf("%s: %s places scroll that the keyboard does not reach", path, left)
				}
			}
		}
	}
	w.quiet()
}

// TestTheLoginUsesThePagesWidth: without the rail its column is not for the page.
func TestTheLoginUsesThePagesWidth(t *testing.T) {
	n := start(t).Guarded(access.NewGuard([]access.Key{{Name: "boss", Scopes: []access.Scope{access.Admin}, Hash: access.HashSecret("rule")}}, nil))
	w := openWindow(t, n)
	w.run(chromedp.EmulateViewport(1280, 900))
	w.open("/")
	if got := w.text("String(document.querySelector('main').clientWidth)"); got != "1280" {
		t.Errorf("the login page is %s px wide, want 1280", got)
	}
}

// TestLimitsFitTheirPage looks for the last column, what happens at a limit, on a small
// desktop: nothing is to be scrolled there.
func TestLimitsFitTheirPage(t *testing.T) {
	f := startFolder(t)
	f.write(t, "streams/visits_of_our_members.yaml", likesFile)
	if _, err := f.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := openWindow(t, f.Node)
	w.run(chromedp.EmulateViewport(1280, 900))
	for _, language := range []string{"en", "ja"} {
		w.open("/limits?refresh=0")
		if w.text("document.documentElement.lang") != language {
			w.click("button[name=language]")
			w.await(language, fmt.Sprintf("document.documentElement.lang === %q", language))
		}
		w.await("the limits", has("#limits", "visits_of_our_members")+" && "+has("#limits", "biwa.yaml:4"))
		if got := w.text("(s => s.scrollWidth - s.clientWidth + '')(document.querySelector('#limits .scroll'))"); got != "0" {
			t.Errorf("%s: %s px of the limits are to be scrolled", language, got)
		}
	}
	w.quiet()
}

// tooWide names the elements that stick out.
const tooWide = `Array.from(document.querySelectorAll("body *")).filter(e => !e.closest(".scroll, pre") && e.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
	.slice(0, 5).map(e => e.tagName + "." + (e.className.baseVal ?? e.className) + "#" + e.id).join(" ")`
