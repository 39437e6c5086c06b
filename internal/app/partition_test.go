package app_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

var fileRow = regexp.MustCompile(`<tr><th scope="row">([^<]*)</th><td class="n">\d+</td><td class="n">\d+</td><td class="n">[^<]*B</td></tr>`)

// TestATablesPageNamesPartitionsAsSQLDoes: right after the compaction that wrote the files, after a
// start, and where an earlier version kept numbers.
func TestATablesPageNamesPartitionsAsSQLDoes(t *testing.T) {
	p := newProject(t, map[string]shape.Definition{"s": {EventTime: "ts", Partition: []string{"hour(ts)", "month(ts)", "at", "year(ts)", "flag"},
		Columns: columns("ts", "timestamptz", "at", "timestamp", "flag", "boolean").Columns}})
	n := p.start()
	for i := range 3 {
		n.Send("s", fmt.Sprintf(`{"ts":"2026-05-01T1%d:30:00Z","at":"2026-01-02T03:04:05.5","flag":true}`, i))
		if err := n.Flush(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
	}
	const want = "2026-05-01 12:00:00, 2026-05-01, 2026-01-02 03:04:05.5, 2026, true\n" + "2026-05-01 11:00:00, 2026-05-01, 2026-01-02 03:04:05.5, 2026, true\n" + "2026-05-01 10:00:00, 2026-05-01, 2026-01-02 03:04:05.5, 2026, true"
	check := func(when string, n *testkit.Node) {
		t.Helper()
		_, page, _ := n.Do("GET", "/tables/s", "", "Accept", "text/html")
		var got []string
		for _, m := range fileRow.FindAllStringSubmatch(page[strings.Index(page, `id="files"`):], -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, "\n") != want {
			t.Errorf("%s: the page names\n%s\nwant\n%s", when, strings.Join(got, "\n"), want)
		}
	}
	maintain(t, n)
	check("compacted", n)
	n.Shutdown()
	n = p.start()
	check("started", n)
	n.Shutdown()

	db, err := sql.Open("sqlite", filepath.Join(p.data, "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, replace := range [][2]string{{`"2026-05-01"`, "20574"}, {`"2026-05-01 12:00:00"`, "1777636800000000"}, {`"2026-01-02 03:04:05.5"`, "1767323045500000"}} {
		if result, err := db.Exec("UPDATE files SET partition = replace(partition, ?, ?) WHERE table_name = 's' AND instr(partition, ?) > 0", replace[0], replace[1], replace[0]); err != nil {
			t.Fatal(err)
		} else if rows, _ := result.RowsAffected(); rows == 0 {
			t.Errorf("no file's partition has %s", replace[0])
		}
	}
	n = p.start()
	check("numbers of an earlier version", n)
	n.Send("s", `{"ts":"2026-05-01T12:45:00Z","at":"2026-01-02T03:04:05.5","flag":true}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	maintain(t, n)
	check("compacted again", n)
	if got := n.One("SELECT count(*) FROM s"); got != "4" {
		t.Errorf("%s rows", got)
	}
	n.Balance()
}
