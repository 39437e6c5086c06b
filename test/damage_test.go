package test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// damageStream keeps what is not flushed by hand in the journal alone.
const damageStream = `columns:
  - {name: n, type: bigint, not_null: true}
flush: {age: 1h}
`

// TestDamage damages the journal of a node that is down, half of whose records are
// in files already. The damage must be noticed, the records must be there, and no
// number may be given twice.
func TestDamage(t *testing.T) {
	for _, c := range []struct {
		name   string
		down   func(n *node) error
		damage func(t *testing.T, journal string)
		// notes: an incident. After a stop all is in files and in the archive: a
		// block that is gone took nothing that anybody still needs.
		notes bool
	}{
		{"last block cut after kill -9", (*node).kill, cutBlock, true},
		{"last block cut after a stop", (*node).stop, cutBlock, false},
		{"bit flipped after kill -9", (*node).kill, flipBit, true},
		{"bit flipped after a stop", (*node).stop, flipBit, true},
		{"blocks deleted after kill -9", (*node).kill, deleteBlocks, true},
		{"blocks deleted after a stop", (*node).stop, deleteBlocks, false},
		{"index deleted after kill -9", (*node).kill, deleteIndex, false},
		{"index deleted after a stop", (*node).stop, deleteIndex, false},
		{"whole journal deleted after kill -9", (*node).kill, deleteJournal, true},
		{"whole journal deleted after a stop", (*node).stop, deleteJournal, true},
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
			// Everything is in the archive, too: none of it may be lost.
			if !await(func() bool {
				out, _, err := n.biwa("trace", last.String())
				return err == nil && strings.Contains(out, `"archive"`)
			}) {
				t.Fatal("the last record never reached the archive")
			}
			if err := c.down(n); err != nil {
				t.Fatal(err)
			}
			c.damage(t, filepath.Join(dir, "data", "journal"))
			n.startAfterLoss(t, filepath.Join(dir, "data"))
			next := n.sendOne(t, requests)
			if next.Sequence() <= last.Sequence() {
				t.Errorf("sequence number %d was given twice: the last before the damage was %d", next.Sequence(), last.Sequence())
			}
			n.flush(t)
			n.expectAll(t, requests+1, c.notes)
		})
	}
}

// TestDamageAtOnce kills the node right after an append was answered, before
// anybody else has noted that number, and damages the journal then. What was in
// the journal alone may be lost, but the ledger names it, and no number is given twice.
func TestDamageAtOnce(t *testing.T) {
	both := func(damages ...func(*testing.T, string)) func(*testing.T, string) {
		return func(t *testing.T, journal string) {
			for _, damage := range damages {
				damage(t, journal)
			}
		}
	}
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, journal string)
		notes  bool
	}{
		{"nothing", func(*testing.T, string) {}, false},
		{"torn tail", tearTail, true},
		{"last block cut", cutBlock, true},
		{"bit flipped", flipBit, true},
		{"bit flipped, index deleted", both(flipBit, deleteIndex), true},
		{"last block deleted", deleteLastBlock, true},
		{"last block and index deleted", both(deleteLastBlock, deleteIndex), true},
		{"index deleted", deleteIndex, false},
		{"torn tail, index deleted", both(tearTail, deleteIndex), true},
		{"torn tail, witness deleted", both(tearTail, deleteWitness), true},
		{"witness deleted", deleteWitness, true},
		{"whole journal deleted", deleteJournal, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := writeProject(t, crashProject, damageStream)
			n := startNode(t, dir)
			const requests, half = 40, 20
			ids := map[string]record.RecordID{}
			var last record.RecordID
			for i := range requests {
				last = n.sendOne(t, i)
				ids[strconv.Itoa(i)] = last
				if i == half-1 {
					n.flush(t)
				}
			}
			if err := n.kill(); err != nil {
				t.Fatal(err)
			}
			c.damage(t, filepath.Join(dir, "data", "journal"))
			n.startAfterLoss(t, filepath.Join(dir, "data"))
			next := n.sendOne(t, requests)
			if next.Sequence() <= last.Sequence() {
				t.Errorf("sequence number %d was given twice: the last before the damage was %d", next.Sequence(), last.Sequence())
			}
			n.flush(t)
			found := map[string]int{}
			for _, cell := range n.column(t, "select n::varchar as n from events") {
				found[cell]++
			}
			report := n.ledger(t)
			for _, i := range report.Incidents {
				t.Logf("incident %s %d to %d: %s", i.Kind, i.From, i.To, i.Detail)
			}
			for number, id := range ids {
				named := slices.ContainsFunc(report.Incidents, func(i meta.Incident) bool { return i.From <= id.Sequence() && id.Sequence() <= i.To })
				if found[number] > 1 || found[number] == 0 && !named {
					t.Errorf("record %s of envelope %d is there %d times; named by an incident: %v", number, id.Sequence(), found[number], named)
				}
			}
			if c.notes != (len(report.Incidents) > 0) {
				t.Errorf("incidents: %+v, want some: %v", report.Incidents, c.notes)
			}
			if !c.notes && len(found) != requests+1 {
				t.Errorf("%d records are there, want %d", len(found), requests+1)
			}
			if !report.Balanced {
				t.Errorf("the ledger does not balance: %+v", report)
			}
			if out, _, err := n.biwa("ledger", "verify", "--full"); err != nil {
				t.Errorf("%v %s", err, out)
			}
		})
	}
}

// startAfterLoss starts a node on a folder from which the whole journal may be gone.
// It must not start before somebody has said that this is meant.
func (n *node) startAfterLoss(t *testing.T, data string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(data, "journal")); errors.Is(err, fs.ErrNotExist) {
		if err := n.start(); err == nil || !strings.Contains(err.Error(), "journal is missing") || !strings.Contains(err.Error(), "biwa recover") {
			t.Fatalf("without its journal: %v", err)
		}
		if out, _, err := n.biwa("recover", "--data", data); err != nil || !strings.Contains(out, "journal is missing") {
			t.Fatalf("%v %s", err, out)
		}
		if out, _, err := n.biwa("recover", "--data", data, "--yes"); err != nil || !strings.Contains(out, "made anew") {
			t.Fatalf("%v %s", err, out)
		}
	}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
}

// expectAll checks that every record is there once: from its file, or made again
// from the raw archive. The damage is in the ledger nevertheless.
func (n *node) expectAll(t *testing.T, records int, notes bool) {
	t.Helper()
	want := fmt.Sprintf("%d,%d,0,%d", records, records, records-1)
	if got := n.column(t, "select count(*) || ',' || count(distinct n) || ',' || min(n) || ',' || max(n) as n from events")[0]; got != want {
		t.Errorf("count, distinct, min, max are %s, want %s", got, want)
	}
	report := n.ledger(t)
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

// tearTail takes the last bytes off, as of a write that did not get through.
func tearTail(t *testing.T, journal string) {
	all := blocks(t, journal)
	last := all[len(all)-1]
	info, err := os.Stat(last)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(last, info.Size()-5); err != nil {
		t.Fatal(err)
	}
}

func deleteLastBlock(t *testing.T, journal string) {
	all := blocks(t, journal)
	if err := os.Remove(all[len(all)-1]); err != nil {
		t.Fatal(err)
	}
}

func deleteWitness(t *testing.T, journal string) {
	if err := os.Remove(filepath.Join(journal, "end")); err != nil {
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
