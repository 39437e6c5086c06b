package test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// damageStream keeps what is not flushed by hand in the journal alone.
const damageStream = `columns:
  - {name: n, type: bigint, not_null: true}
flush: {age: 1h}
`

// TestDamage damages the journal of a node that is down, half of whose records are
// in files already. What is lost must be named, what is not must be there, and no
// number may be given twice.
func TestDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		down   func(n *node) error
		damage func(t *testing.T, journal string)
		loses  bool // records whose only copy was damaged
		notes  bool // an incident
	}{
		{"last block cut after kill -9", (*node).kill, cutBlock, true, true},
		{"last block cut after a stop", (*node).stop, cutBlock, false, true},
		{"bit flipped after kill -9", (*node).kill, flipBit, true, true},
		{"bit flipped after a stop", (*node).stop, flipBit, false, false},
		{"blocks deleted after kill -9", (*node).kill, deleteBlocks, true, true},
		{"blocks deleted after a stop", (*node).stop, deleteBlocks, false, true},
		{"index deleted after kill -9", (*node).kill, deleteIndex, false, false},
		{"index deleted after a stop", (*node).stop, deleteIndex, false, false},
		{"whole journal deleted after kill -9", (*node).kill, deleteJournal, true, true},
		{"whole journal deleted after a stop", (*node).stop, deleteJournal, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := writeProject(t, crashProject, damageStream)
			n := startNode(t, dir)
			const requests, half = 40, 20
			var last record.RecordID
			for i := range requests {
				last = n.sendOne(t, i)
				if i == half-1 {
					n.flush(t)
				}
			}
			if err := c.down(n); err != nil {
				t.Fatal(err)
			}
			c.damage(t, filepath.Join(dir, "data", "journal"))
			if err := n.start(); err != nil {
				t.Fatal(err)
			}
			next := n.sendOne(t, requests)
			if next.Sequence() <= last.Sequence() {
				t.Errorf("sequence number %d was given twice: the last before the damage was %d", next.Sequence(), last.Sequence())
			}
			n.flush(t)
			n.expectAccounted(t, requests+1, half, c.loses, c.notes)
		})
	}
}

// expectAccounted checks that what is missing of n records lies in the range of an
// incident, and nothing else is missing.
func (n *node) expectAccounted(t *testing.T, records, safe int, loses, notes bool) {
	t.Helper()
	found := n.column(t, "select n::varchar as n from events order by events.n")
	for i := range safe {
		if !slices.Contains(found, strconv.Itoa(i)) {
			t.Errorf("record %d was in a file and is gone", i)
		}
	}
	if slices.Sort(found); len(slices.Compact(slices.Clone(found))) != len(found) {
		t.Errorf("records are doubled: %v", found)
	}
	report := n.ledger(t)
	if missing := records - len(found); loses != (missing > 0) {
		t.Errorf("%d of %d records are gone, incidents %+v", missing, records, report.Incidents)
	} else if missing > 0 {
		var named int64
		for _, i := range report.Incidents {
			named += int64(i.To) - int64(i.From) + 1
		}
		if named < int64(missing) { // a request is a sequence number here
			t.Errorf("%d records are gone, the incidents name %d numbers: %+v", missing, named, report.Incidents)
		}
	}
	if notes != (len(report.Incidents) > 0) {
		t.Errorf("incidents: %+v, want some: %v", report.Incidents, notes)
	}
	for _, i := range report.Incidents {
		t.Logf("incident %s %d to %d: %s", i.Kind, i.From, i.To, i.Detail)
	}
	if !report.Balanced {
		t.Errorf("the ledger does not balance: %+v", report)
	}
	if out, _, err := n.biwa("ledger", "verify", "--full"); err != nil {
		t.Errorf("%v %s", err, out)
	}
}

// sendOne sends a record in a request of its own.
func (n *node) sendOne(t *testing.T, number int) record.RecordID {
	t.Helper()
	var a struct {
		First record.RecordID `json:"first_record_id,string"`
	}
	if status := n.post(t, "/v1/events/events?wait=queryable", fmt.Sprintf(`{"n":%d}`, number), &a); status != http.StatusOK {
		t.Fatalf("record %d: status %d", number, status)
	}
	return a.First
}

func (n *node) flush(t *testing.T) {
	t.Helper()
	if status := n.post(t, "/v1/streams/events/flush", "", nil); status/100 != 2 {
		t.Fatalf("flush: status %d", status)
	}
}

// blocks are the journal's data files, the last one at the end.
func blocks(t *testing.T, journal string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(journal, "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no blocks in %s: %v", journal, err)
	}
	number := func(path string) int {
		n, err := strconv.Atoi(filepath.Base(path)[:len(filepath.Base(path))-len(".blk")])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return number(a) - number(b) })
	return found
}

func cutBlock(t *testing.T, journal string) {
	all := blocks(t, journal)
	last := all[len(all)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(last, info.Size()*3/4); err != nil {
		t.Fatal(err)
	}
}

func flipBit(t *testing.T, journal string) {
	all := blocks(t, journal)
	f, err := os.OpenFile(all[len(all)-1], os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	at := info.Size() * 3 / 4
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b[:], at); errors.Join(err, f.Close()) != nil {
		t.Fatal(err)
	}
}

func deleteBlocks(t *testing.T, journal string) {
	for _, path := range blocks(t, journal) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func deleteIndex(t *testing.T, journal string) {
	found, err := filepath.Glob(filepath.Join(journal, "jetstream", "*", "streams", "*", "msgs", "index.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func deleteJournal(t *testing.T, journal string) {
	if err := os.RemoveAll(journal); err != nil {
		t.Fatal(err)
	}
}
