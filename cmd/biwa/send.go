package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/source"
)

func newSend() *cobra.Command {
	s := &sender{}
	c := &cobra.Command{Use: "send STREAM FILE...", Short: "Send files to a stream, each record once however often it is run",
		Long: `Send files of JSON lines, JSON arrays, CSV or TSV (with a header), or logs of web
servers, plain, gzip, zstd, bzip2 or zip; - is standard input. A file is known by
its name and its content from the beginning: sent again it adds nothing, grown it
adds its new lines, interrupted it goes on where it stopped. With --once the
content alone counts.`,
		Example: "  biwa send events log.ndjson.gz\n  biwa send orders orders.csv --encoding cp932\n  biwa send orders dump.txt --format csv --delimiter ';' --null NULL --columns id,name,total\n  biwa send requests access.log.1.gz --format combined\n  biwa send events log.ndjson --replay --speed 60x --shift-to-now",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.stream, s.out = args[0], cmd.ErrOrStderr()
			if err := s.dialect.into(&s.options, cmd.Flags()); err != nil {
				return err
			}
			return s.run(cmd.Context(), args[1:], cmd.OutOrStdout())
		}}
	s.client = clientFlags(c)
	f := c.Flags()
	f.StringVar(&s.options.Format, "format", "", "json, csv, tsv, or of logs clf, combined, w3c (IIS, CloudFront), alb; default by the file's name")
	f.StringVar(&s.options.Encoding, "encoding", "", "of the text, such as cp932 or euc-jp; default: what a byte order mark says, else utf-8")
	f.StringVar(&s.options.Member, "member", "", "which file of a zip; default the only one")
	s.dialect.flags(f)
	f.BoolVar(&s.replay.on, "replay", false, "send at the pace of the records' own times")
	f.StringVar(&s.replay.column, "time-column", "", "field with the record's time; default the stream's event_time")
	f.StringVar(&s.replay.speed, "speed", "1x", "with --replay: how much faster")
	f.BoolVar(&s.replay.shift, "shift-to-now", false, "with --replay: move the times so that the first record is now")
	f.BoolVar(&s.once, "once", false, "files of equal content are one, whatever their names: a copy adds nothing")
	f.DurationVar(&s.patience, "patience", 5*time.Minute, "how long to try again while the node cannot take the records")
	f.BoolVar(&s.noWait, "no-wait", false, "return when the records are on disk, before SQL sees them")
	f.BoolVar(&s.json, "json", false, "print the totals as JSON")
	return c
}

type sender struct {
	client  *client
	stream  string
	options source.Options
	dialect dialectFlags
	replay  replay
	json    bool
	noWait  bool
	once    bool
	out     io.Writer

	patience time.Duration // how long a chunk is tried again while the node cannot take it
	waits    sync.Once     // is said once

	mu     sync.Mutex
	totals sendTotals
	newest newest
}

// sendTotals is what a run of send came to.
type sendTotals struct {
	Rows        int     `json:"rows"`        // in the files
	Records     int     `json:"records"`     // on the node's disk, those in quarantine among them
	Quarantined int     `json:"quarantined"` // as far as the reader and the door know
	Rejected    int     `json:"rejected"`    // of them, by the reader
	Before      int     `json:"already_there"`
	Seconds     float64 `json:"seconds"`

	example string // why the first was rejected
}

func (s *sender) run(ctx context.Context, files []string, out io.Writer) error {
	began := time.Now()
	var failed error
	for _, name := range files {
		if err := s.file(ctx, name); err != nil {
			if failed = s.cutShort(ctx, name, err); failed == nil {
				failed = fmt.Errorf("send %s: %w", name, err)
				break
			}
			if !s.json {
				return failed
			}
			break
		}
	}
	if failed == nil && !s.noWait {
		failed = s.awaitVisible(ctx)
	}
	s.totals.Seconds = time.Since(began).Seconds()
	if failed != nil && s.totals.Rows == 0 {
		return failed
	}
	if err := s.print(out); err != nil {
		return errors.Join(failed, err)
	}
	if failed != nil {
		return failed
	}
	return s.totals.verdict()
}

// cutShort says in one sentence how far a file came that was not sent to its end,
// though nothing is wrong with it: somebody interrupted it, or the node is away.
// It is nil for any other error.
func (s *sender) cutShort(ctx context.Context, name string, err error) error {
	reason := "interrupted"
	if ctx.Err() == nil {
		if !temporary(err) || s.totals.Rows == 0 || !errors.As(err, new(*unanswered)) {
			return nil
		}
		reason = err.Error()
	}
	next := "run the same command again and it goes on there"
	if s.replay.on {
		next = "run again with --replay, all of it is sent anew"
	}
	t := s.totals
	return fmt.Errorf("send %s: %s: %d of the %d %s read so far are on the node's disk and safe; %s", name, reason, t.Records, t.Rows, plural(t.Rows, "row", "rows"), next)
}

// print says what came of the files: how many records were sent does not count
// those in quarantine.
func (s *sender) print(out io.Writer) error {
	if s.json {
		return printJSON(out, s.totals)
	}
	t := s.totals
	sent := t.Records - t.Quarantined
	fmt.Fprintf(out, "%d %s sent to %s in %.1f s (%.0f/s)", sent, plural(sent, "record", "records"), s.stream, t.Seconds, float64(sent)/max(t.Seconds, 1e-9))
	if t.Before > 0 && t.Quarantined == 0 {
		fmt.Fprintf(out, ", %d of them were there already", t.Before)
	}
	if n := t.Quarantined - t.Rejected; n > 0 {
		fmt.Fprintf(out, ", %d %s not JSON and went to quarantine: biwa quarantine ls", n, plural(n, "is", "are"))
	}
	if t.Rejected > 0 {
		fmt.Fprintf(out, ", %d %s not read and went to quarantine: biwa quarantine ls", t.Rejected, plural(t.Rejected, "was", "were"))
	}
	if t.Before > 0 && t.Quarantined > 0 {
		fmt.Fprintf(out, "; %d of all these were there already", t.Before)
	}
	fmt.Fprintln(out)
	if t.Rows > 0 {
		fmt.Fprintf(out, "%d %s in file = %d sent + %d quarantined\n", t.Rows, plural(t.Rows, "row", "rows"), sent, t.Quarantined)
	}
	return nil
}

// verdict is the error of files that were read and sent to the end, and yet hold
// rows that their reader could not take, or nothing that the door could.
func (t *sendTotals) verdict() error {
	switch {
	case t.Rejected > 0:
		return fmt.Errorf("%d %s not read as a record; the first: %s", t.Rejected, plural(t.Rejected, "row was", "rows were"), t.example)
	case t.Records > 0 && t.Records == t.Quarantined:
		return errors.New("none of the records is a JSON object: if the file has another format name it with --format")
	}
	return nil
}

// post sends a body, again and again while the node cannot take it and a key
// makes that harmless.
func (s *sender) post(ctx context.Context, body []byte, headers map[string]string) (collect.Answer, error) {
	deadline := time.Now().Add(s.patience)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		answer, err := s.finish(ctx, body, headers)
		if err == nil || !temporary(err) || ctx.Err() != nil {
			return answer, err
		}
		if headers["Idempotency-Key"] == "" || time.Now().After(deadline) {
			return answer, &unanswered{err}
		}
		s.waits.Do(func() { fmt.Fprintf(s.out, "biwa: %v; trying again for %v\n", err, s.patience) })
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
}

// grace is how long an answer is waited for after an interruption.
const grace = 10 * time.Second

// finish sends a body once. What is on its way when somebody interrupts is still
// answered, so that the last sentence is right.
func (s *sender) finish(ctx context.Context, body []byte, headers map[string]string) (collect.Answer, error) {
	lasting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })()
	return s.try(lasting, "", body, headers)
}

// unanswered is the error of a node that could not take a chunk for too long.
type unanswered struct{ error }

func (u *unanswered) Unwrap() error { return u.error }

// temporary says whether sending the same again may go well: with a key it can
// do no harm.
func temporary(err error) bool {
	var p *problemError
	if errors.As(err, &p) {
		return p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests
	}
	return true // the connection
}

func (s *sender) try(ctx context.Context, query string, body []byte, headers map[string]string) (answer collect.Answer, err error) {
	r, err := s.client.do(ctx, http.MethodPost, "/v1/events/"+url.PathEscape(s.stream)+query, bytes.NewReader(body), headers)
	if err != nil {
		return answer, err
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("the answer does not read: %w", err)
	}
	return answer, nil
}
