package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// counted is a stream whose records are numbered from 1.
var counted = shape.Definition{EventTime: "ts", Columns: []shape.Column{{Name: "ts", Type: "timestamptz", NotNull: true}, {Name: "n", Type: "bigint"}}}

var (
	rowsFact  = regexp.MustCompile(`<dt>rows</dt><dd>([0-9,]+)</dd>`)
	greatest  = regexp.MustCompile(`(?s)<code>n</code></th>.*?<td class="bound">.*?</td><td class="bound">(\d+)</td>`)
	newestRow = regexp.MustCompile(`(?s)id="sample".*?<tbody>\s*<tr>.*?</td><td>(\d+)</td>`)
	underStep = regexp.MustCompile(`>up to ([0-9,]+)</span>`)
)

// first is a pattern's first group, without commas.
func first(pattern *regexp.Regexp, text string) string {
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], ",", "")
}

// twoDigits is a count rounded up to two digits, as the key of the strip has it.
func twoDigits(t *testing.T, count string) string {
	n, err := strconv.Atoi(count)
	if err != nil {
		t.Fatal(err)
	}
	unit := 1
	for n/unit > 99 {
		unit *= 10
	}
	return strconv.Itoa((n + unit - 1) / unit * unit)
}

// TestATablesPageIsOneMoment reads the page while records come and are committed: the
// rows, the greatest number in the columns, the newest row and the day's count are one.
func TestATablesPageIsOneMoment(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"counted": counted}))
	b := visitor(t, n)
	stop := make(chan struct{})
	var traffic sync.WaitGroup
	traffic.Go(func() {
		at := now() // all of one day
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			answer, err := http.Post(n.URL+"/v1/events/counted", "application/x-ndjson", strings.NewReader(fmt.Sprintf(`{"ts":%q,"n":%d}`, at, i)))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if i%25 == 24 {
				if err := n.Flush(t.Context(), "counted"); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	n.Await("the first rows", func() bool { return n.One("SELECT count(*) >= 5 FROM counted") == "true" })
	seen := map[string]bool{}
	for len(seen) < 12 && !t.Failed() {
		page := b.get("/tables/counted")
		if strings.Contains(page, "This took longer") {
			continue // a machine that is too busy to say
		}
		rows := first(rowsFact, page)
		for what, got := range map[string]string{"the greatest n": first(greatest, page), "the newest row": first(newestRow, page)} {
			if rows == "" || got != rows {
				t.Errorf("the page says %q rows, %s is %q", rows, what, got)
			}
		}
		if got := first(underStep, page); got != twoDigits(t, rows) {
			t.Errorf("the page says %q rows, the day has up to %q", rows, got)
		}
		seen[rows] = true
	}
	close(stop)
	traffic.Wait()
}

// TestNewestRowsComeFromAllFiles: the file with the newest row has one only.
func TestNewestRowsComeFromAllFiles(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"counted": counted}))
	b := visitor(t, n)
	next := 0
	for _, rows := range []int{20, 3, 2, 1} {
		for range rows {
			next++
			n.Send("counted", fmt.Sprintf(`{"ts":%q,"n":%d}`, now(), next))
		}
		if err := n.Flush(t.Context(), "counted"); err != nil {
			t.Fatal(err)
		}
	}
	sampled := regexp.MustCompile(`</a></td><td>[^<]*</td><td>[^<]*</td><td>(\d+)</td>`)
	check := func(when string, want ...string) {
		t.Helper()
		page := b.get("/tables/counted")
		if got := fmt.Sprint(numbersOf(sampled, page[strings.Index(page, `id="sample"`):])); got != fmt.Sprint(want) {
			t.Errorf("%s: %s, want %v", when, got, want)
		}
	}
	check("in files", "26", "25", "24", "23", "22", "21", "20", "19")
	n.Send("counted", fmt.Sprintf(`{"ts":%q,"n":27}`, now()))
	check("with a recent row", "27", "26", "25", "24", "23", "22", "21", "20")
}

var (
	railMark  = regexp.MustCompile(`href="/quarantine"[^>]*>[^<]*(?:<[^d][^>]*>[^<]*)*?<data class="bad">([0-9,]+)</data>`)
	heldCount = regexp.MustCompile(`role="status">([0-9,]+) records?, this hour`)
	flatCount = regexp.MustCompile(`>quarantined ([0-9,]+)</text>`)
	tallCount = regexp.MustCompile(`<text class="b q" x="360" y="324" text-anchor="end">([0-9,]+)</text>`)
	homeRow   = regexp.MustCompile(`quarantined in shape</th><td></td><td class="n">([0-9,]+)</td>`)
)

// TestQuarantineIsCountedOnce reads the pages while records are rejected and committed,
// and after some were replayed and others discarded: on each page all that count them
// say the same, and when it is quiet all pages do.
func TestQuarantineIsCountedOnce(t *testing.T) {
	f := startFolder(t)
	b := visitor(t, f.Node)
	stop := make(chan struct{})
	var traffic sync.WaitGroup
	traffic.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			line := fmt.Sprintf(`{"ts":%q,"page":"/%d","what":%q,"stars":%d}`, now(), i, []string{"view", "buy"}[i%2], []int{1, 9}[i/2%2])
			answer, err := http.Post(f.URL+"/v1/events/likes", "application/x-ndjson", strings.NewReader(line))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
			if i%30 == 29 {
				if err := f.Flush(t.Context(), "likes"); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	f.Await("the first rejected", func() bool { return first(railMark, b.get("/quarantine?since=hour")) != "" })
	seen := map[string]bool{}
	for len(seen) < 8 && !t.Failed() {
		page := b.get("/quarantine?since=hour")
		if strings.Contains(page, "This took longer") {
			continue
		}
		rail, held := first(railMark, page), first(heldCount, page)
		if rail == "" || rail != held {
			t.Errorf("the rail says %q, the page of quarantine %q", rail, held)
		}
		seen[rail] = true
		home := b.get("/")
		for what, got := range map[string]string{"the river": first(flatCount, home), "the upright river": first(tallCount, home), "the table": first(homeRow, home)} {
			if rail := first(railMark, home); rail == "" || got != rail {
				t.Errorf("Home's rail says %q, %s %q", rail, what, got)
			}
		}
	}
	close(stop)
	traffic.Wait()
	same := func(when string) {
		t.Helper()
		said := ""
		f.Await(when+": all pages to say the same", func() bool {
			want := f.One("SELECT count(*) FROM quarantine WHERE code <> 'duplicate' AND _received_at >= date_trunc('hour', now())")
			page, home := b.get("/quarantine?since=hour"), b.get("/")
			said = fmt.Sprint(want, first(heldCount, page), first(railMark, page), first(railMark, home), first(flatCount, home), first(homeRow, home))
			return said == fmt.Sprint(want, want, want, want, want, want)
		})
	}
	same("after the traffic")
	f.write(t, "streams/likes.yaml", strings.Replace(likesFile, "[view, like]", `[view, like, buy]`, 1))
	if _, err := f.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	page := b.get("/quarantine?pick=" + url.QueryEscape("likes/not_allowed/event"))
	b.post(page, "/quarantine", append(fieldsOf(page), "do", "replay", "which", "all")...)
	same("after a replay")
	f.Send("likes", fmt.Sprintf(`{"ts":%q,"page":"/more","what":"eat"}`, now()))
	if answer, err := f.Discard(t.Context(), api.DiscardRequest{Stream: "likes", Code: "out_of_range"}); err != nil || answer.Discarded == 0 {
		t.Fatal(answer, err)
	}
	same("after a discard")
	f.Balance()
}
