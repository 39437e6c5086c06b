package test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/faultdisk"
)

// anywhere are the operations on the data folder that a fault test makes fail:
// all but those on what is made anew at each start.
var anywhere = faultdisk.Fault{Path: "data", Except: []string{"data/tmp", "data/meta.db-shm", "data/biwa.pid"}}

// TestFailingDisk makes one operation after the other fail under a node that
// starts, takes records, commits them, compacts and stops: below JetStream, SQLite,
// the archive, Iceberg and the dedupe index alike. The node may refuse, or end
// with an error, or go on; when it is started on a disk that works, every record
// that was acknowledged is there, once.
func TestFailingDisk(t *testing.T) {
	d := newDisk(t)
	n := startNodeOn(t, d, crashProject, powerStream)
	c := &client{t: t, node: n, acked: map[int]bool{}, answers: map[int]string{}}
	c.send(8)
	n.flush(t)
	c.send(8)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	d.SyncAll()
	base, first, known := d.Surviving(nil), c.next, maps.Clone(c.acked)

	count := func(work func()) int {
		never := anywhere
		never.At = 1 << 30
		d.Inject(never)
		work()
		return d.Count()
	}
	d.replace(base.Surviving(nil))
	atStart := count(func() {
		if err := n.start(); err != nil {
			t.Fatal(err)
		}
	})
	atWork := count(func() {
		c.work()
		if err := n.stop(); err != nil {
			t.Fatal(err)
		}
	})
	total, seed := rounds(t), uint64(time.Now().UnixNano())
	t.Logf("%d operations of a start, %d of the work after it; %d rounds, seed %d", atStart, atWork, total, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range total {
		fault := anywhere
		// The rounds are spread over all operations, in whatever number they are.
		at := (round*(atStart+atWork)+random.IntN(atStart+atWork))/total + 1
		duringStart := at <= atStart
		if fault.At = at; !duringStart {
			fault.At = at - atStart
		}
		how := "EIO"
		switch fault.Err = syscall.EIO; random.IntN(5) {
		case 1:
			how, fault.Err = "ENOSPC", syscall.ENOSPC
		case 2:
			how, fault.Err, fault.Sticky = "ENOSPC from there on", syscall.ENOSPC, true
		case 3:
			how, fault.Sticky = "EIO from there on", true
		case 4:
			how, fault.Err, fault.Short, fault.Kinds = "short write", 0, true, []faultdisk.Kind{faultdisk.Write}
			fault.At = fault.At/2 + 1 // about half of them are writes
		}
		name := fmt.Sprintf("%d operation %d, %s", round, fault.At, how)
		if duringStart {
			name += ", at the start"
		}
		ok := t.Run(name, func(t *testing.T) {
			d.t, c.t = t, t
			d.replace(base.Surviving(nil))
			*c = client{t: t, node: n, acked: map[int]bool{}, answers: map[int]string{}, next: first}
			for number := range known {
				c.acked[number] = true
			}
			c.round(d, fault, duringStart, random)
		})
		if d.t, c.t = t, t; !ok && t.Context().Err() != nil {
			return
		}
	}
}

// client sends numbered records and keeps what was acknowledged.
type client struct {
	t     *testing.T
	node  *node
	next  int
	acked map[int]bool
	// answers are what the node said of each number, for people.
	answers map[int]string
}

// try sends a record under a key of its own. What is not acknowledged is left for later.
func (c *client) try(number int) bool {
	r, err := http.NewRequest(http.MethodPost, c.node.url()+"/v1/events/events", bytes.NewReader(fmt.Appendf(nil, `{"n":%d,"sender":%d}`, number, number%3)))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Idempotency-Key", fmt.Sprintf("record-%d", number))
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body) // an answer that breaks off is none
	switch answer.StatusCode {
	case http.StatusOK:
		c.acked[number] = true
		c.answers[number] = fmt.Sprintf("replayed %q, %s", answer.Header.Get("Idempotency-Replayed"), text)
		return true
	case http.StatusServiceUnavailable, http.StatusInternalServerError:
		if len(text) == 0 || !strings.Contains(string(text), "detail") {
			c.t.Errorf("%s without a reason: %q", answer.Status, text)
		}
	default:
		c.t.Errorf("record %d: %s %s", number, answer.Status, text)
	}
	return false
}

func (c *client) send(count int) {
	for range count {
		c.try(c.next)
		c.next++
	}
}

// work makes a node do all it does: append, flush, commit, compact.
func (c *client) work() {
	for range 3 {
		c.send(4)
		r, err := http.Post(c.node.url()+"/v1/streams/events/flush", "application/json", nil)
		if err == nil {
			r.Body.Close()
		}
	}
	c.send(4)
}

// round runs the node on a disk that fails, then on one that works.
func (c *client) round(d *disk, fault faultdisk.Fault, duringStart bool, random *rand.Rand) {
	t, n := c.t, c.node
	t.Helper()
	mark := len(n.log.String())
	if duringStart {
		d.Inject(fault)
	}
	err := n.start()
	switch {
	case err != nil && !duringStart:
		t.Fatal(err)
	case err != nil && d.Struck() == "":
		t.Fatalf("it does not start, on a disk that works: %v", err)
	}
	if !duringStart {
		d.Inject(fault)
	}
	if err == nil {
		c.work()
	}
	down := random.IntN(3)
	switch {
	case err != nil: // it has ended
		err = n.kill()
	case down == 0 || d.Struck() == "": // then a stop is what fails
		err = n.end()
	default:
		err = n.kill()
	}
	struck := d.Struck()
	said := n.log.String()[mark:]
	t.Logf("struck: %s", struck)
	if strings.Contains(said, "goroutine ") {
		t.Errorf("it crashes: %s", said)
	}
	if err != nil {
		if t.Log(err); struck == "" || !errors.Is(err, errEnded) {
			t.Error("it ends with an error for no reason")
		}
		if !strings.Contains(said, "error") && !strings.Contains(said, "biwa:") {
			t.Errorf("it does not say why it ended: %s", said)
		}
	}
	if down == 1 {
		d.Cut()
		d.replace(d.Surviving(nil))
	}
	d.Heal()
	if err := n.start(); err != nil {
		t.Fatalf("it does not start when the disk works again: %v\n%s", err, n.log.String()[mark:])
	}
	c.settle()
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	if t.Failed() {
		t.Log(n.log.String()[mark:])
	}
}

// settle sends what was never acknowledged again; then everything is there, once.
func (c *client) settle() {
	t, n := c.t, c.node
	t.Helper()
	for number := range c.next {
		if !c.acked[number] && !c.try(number) {
			t.Errorf("record %d is not taken by a disk that works", number)
		}
	}
	c.send(1)
	n.flush(t)
	want := fmt.Sprintf("%d,%d,%d,0,%d", c.next, c.next, c.next, c.next-1)
	query := `select count(*) || ',' || count(distinct n) || ',' || count(distinct _record_id) || ',' || min(n) || ',' || max(n) as found from events`
	if got := n.column(t, query)[0]; got != want {
		t.Errorf("count, distinct, ids, min, max are %s, want %s", got, want)
		for _, missing := range n.column(t, fmt.Sprintf("select range::varchar as n from range(%d) where range not in (select n from events)", c.next)) {
			number, _ := strconv.Atoi(missing)
			t.Errorf("record %d is missing: the answer was %s", number, c.answers[number])
		}
	}
	r := n.ledger(t)
	if s := r.Streams[0]; !r.Balanced || s.Accepted != int64(c.next) || s.Delivered != int64(c.next) {
		t.Errorf("the ledger says %+v, want %d delivered", r, c.next)
	}
	for _, i := range r.Incidents {
		t.Errorf("incident %s %d to %d: %s", i.Kind, i.From, i.To, i.Detail)
	}
	if out, _, err := n.biwa("ledger", "verify", "--full"); err != nil {
		t.Errorf("%v %s", err, out)
	}
}
