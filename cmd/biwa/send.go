package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/source"
)

// A chunk is what one request carries: its bounds depend on the file alone, so
// that the same file always gives the same chunks and keys.
const (
	chunkRecords = 2000
	chunkBytes   = 768 << 10
)

// patience is how long a chunk is tried again while the node cannot take it.
const patience = 5 * time.Minute

func newSend() *cobra.Command {
	s := &sender{}
	c := &cobra.Command{Use: "send STREAM FILE...", Short: "Send files to a stream, each record once however often it is run",
		Long: `Send files of JSON lines, JSON arrays, CSV or TSV (with a header), plain, gzip or
zstd; - is standard input. Each chunk carries a key made of the file's content and
position: run again it adds nothing, interrupted it goes on where it stopped.`,
		Example: "  biwa send events log.ndjson.gz\n  biwa send orders orders.csv --encoding shift_jis\n  biwa send events log.ndjson --replay --speed 60x --shift-to-now",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			s.stream, s.out = args[0], cmd.ErrOrStderr()
			return s.run(cmd.Context(), args[1:], cmd.OutOrStdout())
		}}
	s.client = clientFlags(c)
	f := c.Flags()
	f.StringVar(&s.options.Format, "format", "", "json, csv or tsv; default by the file's name")
	f.StringVar(&s.options.Encoding, "encoding", "", "of the text, such as shift_jis or euc-jp; default utf-8")
	f.BoolVar(&s.replay.on, "replay", false, "send at the pace of the records' own times")
	f.StringVar(&s.replay.column, "time-column", "", "field with the record's time; default the stream's event_time")
	f.StringVar(&s.replay.speed, "speed", "1x", "with --replay: how much faster")
	f.BoolVar(&s.replay.shift, "shift-to-now", false, "with --replay: move the times so that the first record is now")
	f.BoolVar(&s.json, "json", false, "print the totals as JSON")
	return c
}

type sender struct {
	client  *client
	stream  string
	options source.Options
	replay  replay
	json    bool
	out     io.Writer

	mu     sync.Mutex
	totals sendTotals
}

// sendTotals is what a run of send came to.
type sendTotals struct {
	Records     int     `json:"records"`
	Quarantined int     `json:"quarantined"`
	Before      int     `json:"already_there"`
	Seconds     float64 `json:"seconds"`
}

func (s *sender) run(ctx context.Context, files []string, out io.Writer) error {
	began := time.Now()
	for _, name := range files {
		if err := s.file(ctx, name); err != nil {
			return fmt.Errorf("send %s: %w", name, err)
		}
	}
	s.totals.Seconds = time.Since(began).Seconds()
	if s.json {
		return printJSON(out, s.totals)
	}
	t := s.totals
	fmt.Fprintf(out, "%d %s sent to %s in %.1f s (%.0f/s)", t.Records, plural(t.Records, "record", "records"), s.stream, t.Seconds, float64(t.Records)/max(t.Seconds, 1e-9))
	if t.Before > 0 {
		fmt.Fprintf(out, ", %d of them were there already", t.Before)
	}
	if t.Quarantined > 0 {
		fmt.Fprintf(out, ", %d %s not JSON and went to quarantine: biwa quarantine ls", t.Quarantined, plural(t.Quarantined, "is", "are"))
	}
	fmt.Fprintln(out)
	return nil
}

func (s *sender) file(ctx context.Context, name string) error {
	file, size := os.Stdin, int64(-1)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		file = f
	}
	bar := progressbar.NewOptions64(size, progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription(name), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetVisibility(isTerminal(s.out)), progressbar.OptionClearOnFinish())
	defer func() { _ = bar.Finish() }()
	r, err := source.Open(io.TeeReader(file, bar), name, s.options)
	if err != nil {
		return err
	}
	defer r.Close()
	if s.replay.on {
		return s.paced(ctx, r)
	}
	return s.chunks(ctx, r)
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// chunks cuts the file into chunks and sends several at a time.
func (s *sender) chunks(ctx context.Context, r *source.Reader) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	// The hash runs over all records so far: two chunks of equal content at
	// different places have different keys.
	content := sha256.New()
	var body bytes.Buffer
	records := 0
	flush := func() {
		if records == 0 {
			return
		}
		text, key := bytes.Clone(body.Bytes()), chunkKey(content)
		group.Go(func() error { return s.post(ctx, text, key) })
		body.Reset()
		records = 0
	}
	for ctx.Err() == nil {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(err, group.Wait())
		}
		if records == chunkRecords || records > 0 && body.Len()+len(line) > chunkBytes {
			flush()
		}
		content.Write(line)
		content.Write([]byte{'\n'})
		body.Write(line)
		body.WriteByte('\n')
		records++
	}
	flush()
	return group.Wait()
}

func chunkKey(content hash.Hash) string { return fmt.Sprintf("send-%x", content.Sum(nil)[:20]) }

// post sends one chunk, again and again while the node cannot take it.
func (s *sender) post(ctx context.Context, body []byte, key string) error {
	headers := map[string]string{"Content-Type": "application/x-ndjson", "Prefer": "handling=lenient"}
	if key != "" {
		headers["Idempotency-Key"] = key
	}
	deadline := time.Now().Add(patience)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := s.try(ctx, body, headers)
		if err == nil || !temporary(err) || ctx.Err() != nil || key == "" || time.Now().After(deadline) {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// temporary says whether sending the same again may go well: with a key it can
// do no harm.
func temporary(err error) bool {
	var p *problemError
	if errors.As(err, &p) {
		return p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests
	}
	return true // the connection
}

func (s *sender) try(ctx context.Context, body []byte, headers map[string]string) error {
	r, err := s.client.do(ctx, http.MethodPost, "/v1/events/"+url.PathEscape(s.stream), bytes.NewReader(body), headers)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	var answer collect.Answer
	if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
		return fmt.Errorf("the answer does not read: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals.Records += answer.Accepted
	s.totals.Quarantined += answer.Quarantined
	if replayed, _ := strconv.ParseBool(r.Header.Get("Idempotency-Replayed")); replayed {
		s.totals.Before += answer.Accepted
	}
	return nil
}
