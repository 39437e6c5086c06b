package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

func replay(t *testing.T, n *testkit.Node, stream, code string) api.ReplayAnswer {
	t.Helper()
	status, text, _ := n.Do(http.MethodPost, "/v1/quarantine/replay", fmt.Sprintf(`{"stream":%q,"code":%q}`, stream, code), "Content-Type", "application/json")
	var a api.ReplayAnswer
	if status != http.StatusOK || json.Unmarshal([]byte(text), &a) != nil {
		t.Fatalf("replay: %d %s", status, text)
	}
	return a
}

// account is a stream's line of the ledger.
func account(t *testing.T, n *testkit.Node, name string) ledger.StreamReport {
	t.Helper()
	for _, s := range n.Balance().Streams {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("the ledger has no stream %s", name)
	return ledger.StreamReport{}
}

func TestQuarantinedRecordsMoveOnceAfterTheDefinitionChanged(t *testing.T) {
	strict := shape.Definition{Columns: []shape.Column{{Name: "id", Type: "bigint", NotNull: true}, {Name: "kind", Type: "varchar", OneOf: []shape.Literal{shape.Literal(`"a"`)}}}}
	loose := shape.Definition{Columns: []shape.Column{{Name: "id", Type: "bigint", NotNull: true}, {Name: "kind", Type: "varchar"}}}
	p := newProject(t, map[string]shape.Definition{"s": strict, "other": strict})
	n := p.start()
	n.Send("s", `{"id":1,"kind":"a"}`+"\n"+`{"id":2,"kind":"b"}`+"\n"+`{"kind":"a"}`+"\n"+`{"id":3,"kind":"c"}`+"\n"+`{broken`)
	n.Send("other", `{"id":9,"kind":"z"}`)
	sent := `{"id":4,"kind":"d"}`
	n.Send("s", sent)
	if got := flat(n.Query(`SELECT code, "column", count(*) FROM quarantine WHERE stream = 's' GROUP BY ALL ORDER BY ALL`)); got != "invalid_json  1; missing id 1; not_allowed kind 3" {
		t.Fatalf("quarantine holds %s", got)
	}
	if got := n.One("SELECT line FROM quarantine WHERE _record_id = (SELECT max(_record_id) FROM quarantine)"); got != sent {
		t.Errorf("the line is kept as %s", got)
	}
	if a := replay(t, n, "s", ""); a.Moved != 0 || a.Tried != 4 || a.Left != 4 {
		t.Errorf("with the same definition: %+v", a)
	}
	p.reload(n, map[string]shape.Definition{"s": loose, "other": strict})
	ids := flat(n.Query("SELECT _record_id::varchar, _received_at FROM quarantine WHERE code = 'not_allowed' AND stream = 's' ORDER BY 1"))
	if a := replay(t, n, "s", record.CodeNotAllowed); a.Moved != 3 || a.Tried != 3 || a.Left != 0 {
		t.Errorf("with the new definition: %+v", a)
	}
	check := func(when string) {
		t.Helper()
		if got := flat(n.Query("SELECT id, kind FROM s ORDER BY id")); got != "1 a; 2 b; 3 c; 4 d" {
			t.Errorf("%s: the table holds %s", when, got)
		}
		if got := flat(n.Query("SELECT _record_id::varchar, _received_at FROM s WHERE id > 1 ORDER BY 1")); got != ids {
			t.Errorf("%s: the records are %s, they were %s in quarantine", when, got, ids)
		}
		if got := flat(n.Query("SELECT stream, code FROM quarantine ORDER BY ALL")); got != "other not_allowed; s invalid_json; s missing" {
			t.Errorf("%s: quarantine holds %s", when, got)
		}
		if s := account(t, n, "s"); s.Accepted != 6 || s.Delivered != 4 || s.Quarantined != 2 || s.Pending != 0 {
			t.Errorf("%s: ledger %+v", when, s)
		}
		if a := replay(t, n, "s", ""); a.Moved != 0 || a.Tried != 1 {
			t.Errorf("%s: a second replay: %+v", when, a)
		}
	}
	check("moved")
	maintain(t, n)
	check("compacted")
	p.data = n.Image()
	n = p.start()
	check("after the plug was pulled")
	n.Shutdown()
	n = p.start()
	check("after a restart")
}

// Records that leave quarantine are no second copies: of two with one key one
// moves, and none where a record with its key was delivered, before or since.
func TestAReplayBringsNoCopies(t *testing.T) {
	definition := func(kind string) map[string]shape.Definition {
		d := deduped(shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour)})
		d.Columns[1].Type = kind
		return one("s", d)
	}
	p := newProject(t, definition("int"))
	n := p.start()
	n.Send("s", `{"id":"delivered before","v":1}`)
	n.Send("s", `{"id":"delivered before","v":3000000001}`+"\n"+`{"id":"twice","v":3000000002}`+"\n"+`{"id":"twice","v":3000000003}`+"\n"+`{"id":"delivered since","v":3000000004}`+"\n"+`{"v":3000000005}`)
	n.Send("s", `{"id":"delivered since","v":2}`)
	p.data = n.Image() // the plug is pulled; the definition has been changed when the node comes back
	n.Shutdown()
	p.Streams = definition("bigint")
	n = p.start()
	if a := replay(t, n, "s", ""); a.Tried != 5 || a.Moved != 2 || a.Left != 3 {
		t.Errorf("replay: %+v", a)
	}
	n.Send("s", `{"id":"twice","v":6}`)
	if got := flat(n.Query("SELECT id, v FROM s ORDER BY v")); got != "delivered before 1; delivered since 2; twice 3000000002; <nil> 3000000005" {
		t.Errorf("the table holds %s", got)
	}
	n.Balance()
}

func TestReplayRefusesWhatNoDefinitionMends(t *testing.T) {
	n := newProject(t, one("s", columns("id", "int"))).start()
	for _, c := range []struct {
		stream, code string
		status       int
	}{{"s", record.CodeInvalidJSON, 400}, {"s", record.CodeDuplicate, 400}, {"t", "", 404}, {"", "", 422}} {
		status, text, header := n.Do(http.MethodPost, "/v1/quarantine/replay", fmt.Sprintf(`{"stream":%q,"code":%q}`, c.stream, c.code), "Content-Type", "application/json")
		refused(t, c.stream+" "+c.code, status, text, header, c.status)
	}
}

func TestManyQuarantinedRecordsMove(t *testing.T) {
	p := newProject(t, one("s", columns("v", "int")))
	n := p.start()
	var b strings.Builder
	const records = 45_000 // several commits of the replay
	for i := range records {
		fmt.Fprintf(&b, `{"v":%d}`+"\n", 1<<40+i)
	}
	n.Send("s", b.String())
	p.reload(n, one("s", columns("v", "bigint")))
	if a := replay(t, n, "s", ""); a.Moved != records || a.Left != 0 {
		t.Errorf("%+v", a)
	}
	if got := n.Query("SELECT count(*), count(DISTINCT _record_id), min(v), max(v) FROM s"); got[0][0] != strconv.Itoa(records) || got[0][1] != got[0][0] || got[0][2] != strconv.Itoa(1<<40) || got[0][3] != strconv.Itoa(1<<40+records-1) {
		t.Errorf("the table holds %v", got)
	}
	if s := account(t, n, "s"); s.Delivered != records || s.Quarantined != 0 {
		t.Errorf("ledger %+v", s)
	}
}

func TestTraceTellsTheWholeLifeOfARecord(t *testing.T) {
	p := newProject(t, one("s", shape.Definition{Filter: "v <> 99", Dedupe: &shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour)},
		Columns: []shape.Column{{Name: "id", Type: "varchar"}, {Name: "v", Type: "int"}}}))
	n := p.start()
	lines := []string{`{"id":"a","v":"7"}`, `{"id":"b","v":"x"}`, `{"id":"a","v":8}`, `{"id":"c","v":99}`}
	a := n.Send("s", strings.Join(lines, "\n"), "User-Agent", "tracer/1", "Idempotency-Key", "k")
	first := parseID(t, a.First)
	trace := func(i int) api.Trace {
		t.Helper()
		status, text, _ := n.Do(http.MethodGet, "/v1/trace/"+(first+record.RecordID(i)).String(), "")
		var got api.Trace
		if status != http.StatusOK || json.Unmarshal([]byte(text), &got) != nil {
			t.Fatalf("trace: %d %s", status, text)
		}
		return got
	}
	check := func(when string, files bool) {
		t.Helper()
		for i, verdict := range []string{"delivered", "quarantined", "deduplicated", "filtered"} {
			got := trace(i)
			if got.Verdict != verdict || got.RecordID != (first+record.RecordID(i)).String() || got.Stream != "s" || got.Line != lines[i] {
				t.Errorf("%s: record %d is %+v, want %s", when, i, got, verdict)
			}
			if r := got.Request; r.Door != "http" || r.Client != "127.0.0.1" || r.UserAgent != "tracer/1" || !r.IdempotencyKey || r.Records != 4 || r.Index != i || r.ReceivedAt.IsZero() {
				t.Errorf("%s: request of record %d is %+v", when, i, r)
			}
			if e := got.Envelope; e.Sequence != int64(first.Sequence()) || e.Index != first.Index()+i || e.Records != 4 || e.Generation != 1 {
				t.Errorf("%s: envelope of record %d is %+v", when, i, e)
			}
			if hasFile := got.File != nil; hasFile != (files && verdict != "filtered") {
				t.Errorf("%s: record %d has the file %+v", when, i, got.File)
			} else if hasFile && (got.File.Path == "" || got.File.Rows == 0 || got.File.SnapshotID == "" || got.File.Committed == "") {
				t.Errorf("%s: the file of record %d is %+v", when, i, got.File)
			}
		}
		if got := trace(0); len(got.Coercions) != 1 || got.Coercions[0].Column != "v" || string(got.Coercions[0].Sent) != `"7"` || string(got.Coercions[0].Stored) != "7" {
			t.Errorf("%s: coercions %+v", when, got.Coercions)
		}
		if r := trace(1).Reason; r == nil || r.Code != record.CodeWrongType || r.Column != "v" || r.Message == "" {
			t.Errorf("%s: reason %+v", when, r)
		}
		if r := trace(2).Reason; r == nil || r.Code != record.CodeDuplicate || r.FirstRecordID != first.String() {
			t.Errorf("%s: reason %+v", when, r)
		}
	}
	check("recent", false)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	check("in files", true)
	n.Await("the archive has the envelope", func() bool { return trace(0).Archive != nil })
	for i, line := range lines {
		at := trace(i).Archive
		text := unpackedFile(t, filepath.Join(p.data, "objects", at.File))
		if got := strings.Split(text, "\n"); at.Line > len(got) || got[at.Line-1] != line {
			t.Errorf("line %d of %s is not %s", at.Line, at.File, line)
		}
	}
	before := trace(0).File
	n.Send("s", `{"id":"later","v":1}`)
	maintain(t, n)
	check("compacted", true)
	after := trace(0).File
	if before.Rewritten != nil || after.SnapshotID != before.SnapshotID || after.Committed != before.Committed {
		t.Errorf("the record came with %+v, after a compaction with %+v", before, after)
	}
	if r := after.Rewritten; after.Path == before.Path || r == nil || r.SnapshotID == before.SnapshotID || r.Committed < before.Committed {
		t.Errorf("after a compaction the file is %+v, rewritten %+v", after, r)
	}
	n.Shutdown()
	n = p.start()
	check("after a restart", true)
	for path, want := range map[string]int{"12345678901": 404, "x": 400} {
		status, text, header := n.Do(http.MethodGet, "/v1/trace/"+path, "")
		refused(t, path, status, text, header, want)
	}
}

// unpackedFile is what zstd -d prints of a file.
func unpackedFile(t *testing.T, path string) string {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// Discarded records are gone from quarantine, the ledger balances and the recount finds
// what it says; what is of another stream or code, and copies, stay.
func TestDiscardedRecordsAreAccountedFor(t *testing.T) {
	d := columns("id", "bigint", "v", "int")
	d.Dedupe = &shape.Dedupe{Key: "id", Window: shape.Duration(time.Hour)}
	p := newProject(t, map[string]shape.Definition{"s": d, "other": columns("v", "int")})
	n := p.start()
	discard := func(body string) (int, string) {
		t.Helper()
		status, text, _ := n.Do(http.MethodPost, "/v1/quarantine/discard", body, "Content-Type", "application/json")
		return status, text
	}
	for i := range 3 { // several files, the last one with recent rows only
		n.Send("s", fmt.Sprintf(`{"id":%d,"v":1}`+"\n"+`{"id":%d,"v":"x"}`+"\n"+`{"id":%d,"v":1}`+"\n{broken", i, i+10, i))
		n.Send("other", `{"v":"x"}`)
		if i < 2 {
			if err := n.Flush(t.Context(), "s"); err != nil {
				t.Fatal(err)
			}
		}
	}
	holds := func(want string) {
		t.Helper()
		if got := flat(n.Query("SELECT stream, code, count(*) FROM quarantine GROUP BY ALL ORDER BY ALL")); got != want {
			t.Errorf("quarantine holds %s, want %s", got, want)
		}
		v, err := n.Verify(t.Context(), true)
		if err != nil || !v.Balanced || !n.Balance().Balanced {
			t.Errorf("the recount: %+v %v", v, err)
		}
	}
	holds("other wrong_type 3; s duplicate 3; s invalid_json 3; s wrong_type 3")
	if status, text := discard(`{"stream":"s","code":"wrong_type"}`); status != http.StatusOK || !strings.Contains(text, `"discarded":3`) {
		t.Fatalf("%d %s", status, text)
	}
	holds("other wrong_type 3; s duplicate 3; s invalid_json 3")
	if _, text := discard(`{"stream":"s"}`); !strings.Contains(text, `"discarded":3`) {
		t.Errorf("%s", text)
	}
	holds("other wrong_type 3; s duplicate 3")
	if _, text := discard(`{"stream":"s"}`); !strings.Contains(text, `"discarded":0`) {
		t.Errorf("a second time: %s", text)
	}
	if status, text := discard(`{"stream":"oter"}`); status != http.StatusNotFound || !strings.Contains(text, "did you mean") {
		t.Errorf("a stream that is not there: %d %s", status, text)
	}
	p.reload(n, map[string]shape.Definition{"s": d})
	if _, text := discard(`{"stream":"other"}`); !strings.Contains(text, `"discarded":3`) {
		t.Errorf("of a stream that was removed: %s", text)
	}
	if _, text := discard(`{"stream":"s","code":"duplicate"}`); !strings.Contains(text, `"discarded":3`) {
		t.Errorf("copies: %s", text)
	}
	holds("")
	n.Shutdown()
	n = p.start()
	holds("")
	if s := account(t, n, "s"); s.Accepted != 12 || s.Delivered != 3 || s.Quarantined != 6 || s.Deduplicated != 3 {
		t.Errorf("the account is %+v", s)
	}
}
