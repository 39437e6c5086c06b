package console_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// TestAskMendAndProve walks from a question in SQL to a rejected record, mends its
// definition, replays it, recounts, and follows the record, with scripts and without.
func TestAskMendAndProve(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %v", scripts), func(t *testing.T) {
			f := startFolder(t)
			f.some()
			w := openWindow(t, f.Node)
			if !scripts {
				call(w, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			}
			w.ask(scripts)
			w.mend(f)
			w.prove()
			w.quiet()
		})
	}
}

// typed types into the focused field.
func (w *window) typed(text string) {
	w.T.Helper()
	call(w, input.InsertText, input.InsertTextParams{Text: text})
}

func (w *window) ask(scripts bool) {
	w.T.Helper()
	w.open("/sql")
	w.click("#q")
	if scripts {
		w.typed("select event, count(*) as n from li")
		w.await("the completion", has("#complete", "likes"))
		w.run(chromedp.KeyEvent("\t"))
		w.await("the table's name", "document.querySelector('#q').value.endsWith('from likes')")
		w.typed(" group by all")
		w.run(chromedp.Evaluate[chromedp.Void]("document.querySelector('#q').dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', ctrlKey: true, bubbles: true}))"))
	} else {
		w.typed("select event, count(*) as n from likes group by all")
		w.click("#ask button.go")
	}
	w.await("the row", has("#result tbody tr", "view")+" && "+has(".answer", "1 row in"))
	w.await("the link that holds the query", "location.search.includes('likes')")
	w.await("the history", has("#history", "select event, count(*) as n from likes"))
	w.open(strings.ReplaceAll(sqlPath("select count(*) from lokes"), "+", "%20"))
	w.await("that an address runs nothing", has("#waits", "Not run yet"))
	w.click("#ask button.go")
	w.await("the mistake's place", has("#fault mark", "lokes"))
	if scripts {
		w.await("the cursor there", "document.activeElement.id === 'q' && document.querySelector('#q').selectionStart === 21")
	}
	w.click(".said a")
	w.await("the mended statement", has("#result", "1"))
	w.expected("lokes")
}

// expected takes out what the browser says of a page that answers with an error.
func (w *window) expected(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.complaints = slices.DeleteFunc(w.complaints, func(c string) bool { return strings.Contains(c, address) })
}

func (w *window) mend(f *folder) {
	w.T.Helper()
	w.open("/")
	w.click("#rail a[href='/quarantine']")
	w.await("reasons", has("#reasons", "streams/likes.yaml:6"))
	w.click("#reasons tbody tr:first-child a")
	w.await("the record", has("#one mark", `"buy"`))
	w.click("button[value=try]")
	w.await("that none would pass", has("#replay [role=status]", "0 of 2 would pass. Nothing was written."))
	f.write(w.T.(*testing.T), "streams/likes.yaml", strings.Replace(likesFile, "[view, like]", `[view, like, buy, "<b>buy</b>"]`, 1))
	if _, err := f.Reload(w.T.Context()); err != nil {
		w.T.Fatal(err)
	}
	w.open("/quarantine")
	w.await("that all would pass", has("#replay", "With definition 2, 2 of 2 would pass."))
	w.click("button[value=replay]")
	w.await("that they did", has("#replay [role=status]", "2 of 2 are now in their table"))
}

func (w *window) prove() {
	w.T.Helper()
	w.click("#rail a[href='/ledger']")
	w.await("the ledger", has("h1", "Was anything lost or doubled?"))
	w.click("#verify input[name=full]")
	w.click("button[value=verify]")
	w.await("the recount", has("#verify [role=status]", "6 rows in 2 tables, each as the account says."))
	id := w.One("SELECT max(_record_id)::varchar FROM likes WHERE event = 'buy'")
	w.click("#rid")
	w.typed(id)
	w.click("#trace button")
	w.await("the record's life", has(".answer", "It is in likes.")+" && "+has("#life", ".parquet"))
	w.click("#rail a[href='/limits']")
	w.await("limits", has("#limits", "biwa.yaml:4"))
}
