package console

import (
	"strings"
	"testing"
	"time"
)

func TestHomeNamesWhatFailsAgainAndAgain(t *testing.T) {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	o := Overview{At: at, Balanced: true, Troubles: []Trouble{{"recent events", at, at, 328, "aborted <transaction>"}, {"flush orders", at, at, 1, "disk full"},
		{"query", at, at, 204, "duckdb: Current transaction is aborted"}, {"drop events", at, at, 410, "aborted"}}}
	o.Quarantine.Balanced = true
	for tag, want := range map[string][]string{
		"en": {"Holding recent rows of events", "Failed 328 times in a row", "aborted &lt;transaction&gt;", "Writing files of orders", "Failed 1 time in",
			"Queries: 204 were refused by no fault of their own. The last: duckdb: Current transaction is aborted", "Letting go of rows of events that are in files: Failed 410 times"},
		"ja": {"events の新着行の保持", "328 回続けて失敗", "orders のファイル書き出し"},
	} {
		v := &Visit{Language: Language(tag), Frame: &Frame{Overview: o}, Location: time.UTC, Now: at}
		var text strings.Builder
		for _, l := range v.looks() {
			text.WriteString(l.State + " " + string(l.What) + ": " + string(l.Why) + "\n")
		}
		for _, w := range want {
			if !strings.Contains(text.String(), w) {
				t.Errorf("%s: no %q in\n%s", tag, w, text.String())
			}
		}
	}
}
