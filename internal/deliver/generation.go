package deliver

import (
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// generation is what a worker has taken from the log since its last flush began.
// All its rows have one schema.
type generation struct {
	schema     record.Schema
	timeColumn string
	from, to   record.Sequence // of the log: what lies after from, up to to

	rows     side // for the stream's table
	rejects  side // for the quarantine table
	bytes    int64
	accounts map[time.Time]*Account
	kept     map[time.Time]int64 // quarantined records that SQL sees, by quarter
	began    time.Time           // when its first batch came
	oldest   time.Time           // when its first record was received
	taken    record.Sequence
}

// side is one table's part of a generation.
type side struct {
	batches          []arrow.RecordBatch
	appended         int // batches that are in recent
	count            int64
	files            []record.File     // once they are written; a commit that is tried again has the same
	recent           *world.Generation // nil until rows are first made visible
	minTime, maxTime int64             // of the batches that are not in recent
}

func newGeneration(from record.Sequence) *generation {
	return &generation{from: from, to: from, taken: from, accounts: map[time.Time]*Account{}, kept: map[time.Time]int64{}}
}

func (g *generation) empty() bool { return len(g.accounts) == 0 }

// add takes a batch over; its schema must be the generation's.
func (g *generation) add(b *record.Batch, stream string, received, now time.Time) {
	if g.empty() {
		g.began, g.oldest = now, received
	}
	quarter := received.Truncate(15 * time.Minute)
	if b.Rows != nil {
		g.rows.add(b.Rows, b.MinTime, b.MaxTime)
	}
	account := g.accounts[quarter]
	if account == nil {
		account = &Account{Quarter: quarter}
		g.accounts[quarter] = account
	}
	var rejected record.Tally
	for i := range b.Rejects {
		r := &b.Rejects[i]
		rejected.Add(r.ID)
		if r.Code == record.CodeDuplicate {
			account.Deduplicated.Add(r.ID)
		} else {
			account.Quarantined.Add(r.ID)
		}
	}
	if len(b.Rejects) > 0 {
		first, last := b.Rejects[0].ReceivedAt.UnixMicro(), b.Rejects[len(b.Rejects)-1].ReceivedAt.UnixMicro()
		g.rejects.add(rejectRows(stream, b.Rejects), min(first, last), max(first, last))
	}
	account.Accepted = account.Accepted.Plus(b.Accepted)
	account.Filtered = account.Filtered.Plus(b.Filtered)
	account.Delivered = account.Delivered.Plus(b.Accepted.Minus(rejected).Minus(b.Filtered))
	g.bytes += b.Bytes
	g.taken = b.Seq
}

func (s *side) add(batch arrow.RecordBatch, minTime, maxTime int64) {
	if s.appended == len(s.batches) {
		s.minTime, s.maxTime = minTime, maxTime
	}
	s.minTime, s.maxTime = min(s.minTime, minTime), max(s.maxTime, maxTime)
	s.batches = append(s.batches, batch)
	s.count += batch.NumRows()
}

// waiting are the batches that are not in recent yet.
func (s *side) waiting() (batches []arrow.RecordBatch, rows int64) {
	batches = s.batches[s.appended:]
	for _, b := range batches {
		rows += b.NumRows()
	}
	return batches, rows
}

// hidden says whether SQL does not see some of the rows.
func (g *generation) hidden() bool {
	return g.rows.appended < len(g.rows.batches) || g.rejects.appended < len(g.rejects.batches)
}

// noteKept notes that SQL sees all that was taken.
func (g *generation) noteKept() {
	for quarter, a := range g.accounts {
		g.kept[quarter] = a.Quarantined.Count
	}
}

func (g *generation) held() []Held {
	list := make([]Held, 0, len(g.accounts))
	for quarter, a := range g.accounts {
		list = append(list, Held{*a, g.kept[quarter]})
	}
	return list
}

func (g *generation) release() {
	for _, s := range []*side{&g.rows, &g.rejects} {
		for _, b := range s.batches {
			b.Release()
		}
		s.batches = nil
	}
}

func (g *generation) accountList() []Account {
	list := make([]Account, 0, len(g.accounts))
	for _, a := range g.accounts {
		list = append(list, *a)
	}
	return list
}

// rejectRows makes rows of record.QuarantineSchema.
func rejectRows(stream string, rejects []record.Reject) arrow.RecordBatch {
	b := array.NewRecordBuilder(memory.DefaultAllocator, record.QuarantineSchema.Arrow())
	defer b.Release()
	text := func(i int, s string) {
		// A text column holds UTF-8; what a broken record has else is shown as U+FFFD.
		b.Field(i).(*array.StringBuilder).Append(strings.ToValidUTF8(s, "\uFFFD"))
	}
	for i := range rejects {
		r := &rejects[i]
		b.Field(0).(*array.Int64Builder).Append(int64(r.ID))
		b.Field(1).(*array.TimestampBuilder).Append(arrow.Timestamp(r.ReceivedAt.UnixMicro()))
		text(2, stream)
		text(3, r.Code)
		text(4, r.Column)
		text(5, r.Message)
		text(6, string(r.Line))
		if r.FirstID == 0 {
			b.Field(7).AppendNull()
		} else {
			b.Field(7).(*array.Int64Builder).Append(int64(r.FirstID))
		}
	}
	return b.NewRecordBatch()
}
