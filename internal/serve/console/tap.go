package console

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Tapped is a record as it was received.
type Tapped struct {
	ID         record.RecordID
	ReceivedAt time.Time
	Door       string
	Client     string // address
	UserAgent  string
	Code       string // why the door knows it to be broken, "" if it does not
	Line       []byte
	Cut        bool // Line is only the head of it
}

// Sender is who sends, as far as a door knows: an address, and a program at it.
type Sender struct{ Client, UserAgent string }

type tapRow struct {
	Tapped
	Yours, Fresh bool
}

// A tap has tapRows rows. Hundreds of records a second would push out the visitor's own
// at once: up to tapOwn of them stay for tapTime, among the others in the order of time.
const (
	tapRows = 12
	tapOwn  = 6
	tapTime = time.Minute
)

// tap is the records that a stream received last, newest first.
func (c *Console) tap(ctx context.Context, v *Visit, stream string) (rows []tapRow, err error) {
	visitor := Sender{c.Guard.Client(v.Request), v.Request.UserAgent()}
	own, err := c.Node.Sent(ctx, stream, visitor, v.Now.Add(-tapTime), tapOwn)
	if err != nil {
		return nil, err
	}
	newest, err := c.Node.Newest(stream, tapRows)
	if err != nil {
		return nil, err
	}
	shown := slices.Clone(own)
	for _, t := range newest {
		if len(shown) < tapRows && !slices.ContainsFunc(own, func(o Tapped) bool { return o.ID == t.ID }) {
			shown = append(shown, t)
		}
	}
	slices.SortFunc(shown, func(a, b Tapped) int { return cmp.Compare(b.ID, a.ID) })
	for _, t := range shown {
		rows = append(rows, tapRow{t, Sender{t.Client, t.UserAgent} == visitor, v.Now.Sub(t.ReceivedAt) < livePause+livePause/4})
	}
	return rows, nil
}

// Short is the end of the record's id, enough to tell it from its neighbours.
func (t Tapped) Short() string {
	id := t.ID.String()
	return "…" + id[max(0, len(id)-5):]
}

// Text is the line, or the head of one that is very long: the record's page has
// all of it.
func (t Tapped) Text() string {
	text := string(bytes.ToValidUTF8(t.Line, []byte("\uFFFD")))
	if t.Cut {
		text += "…"
	}
	return text
}
