package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/source"
)

// The ways in which a chunk is sent, as Idempotency-Grows has them.
const (
	mayGrow   = "true"
	isAnother = "branch"
)

// file sends one file. Where the node has a longer one of the name, somebody may
// have sent it since it was read here: then it is read again. One that has not
// changed since is another file, that began alike.
func (s *sender) file(ctx context.Context, name string) error {
	if name == "-" { // nobody else can have read on in it
		return s.read(ctx, os.Stdin, -1, name, isAnother)
	}
	before := s.totals
	for growth := mayGrow; ; {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err == nil {
			err = s.read(ctx, f, info.Size(), name, growth)
		}
		_ = f.Close() // it was read only
		if !errors.Is(err, errLonger) {
			return err
		}
		now, err := os.Stat(name)
		if err != nil {
			return err
		}
		if s.totals = before; same(info, now) {
			growth = isAnother
		}
	}
}

func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// known is the name by which the node knows a file: where it is, packed or not.
// With --once files have no names, as standard input has none.
func (s *sender) known(name string) (string, error) {
	if s.once || name == "-" {
		return "", nil
	}
	path, err := filepath.EvalSymlinks(name)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	path = source.Unpacked(path)
	if s.options.Member != "" {
		path += "\x00" + s.options.Member
	}
	return path, err
}

func (s *sender) read(ctx context.Context, file io.Reader, size int64, name, growth string) error {
	bar := progressbar.NewOptions64(size, progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription(name), progressbar.OptionShowBytes(true),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetVisibility(isTerminal(s.out)), progressbar.OptionClearOnFinish())
	defer func() { _ = bar.Finish() }()
	r, err := source.Open(watch(ctx, file, size, bar), name, s.options)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := s.checkHeader(ctx, r); err != nil {
		return err
	}
	if s.replay.on {
		return s.paced(ctx, r)
	}
	known, err := s.known(name)
	if err != nil {
		return err
	}
	return s.chunks(ctx, r, known, growth)
}

// watched is a file whose reading somebody watches.
type watched struct {
	file io.ReaderAt
	io.Reader
	size int64
	bar  io.Writer
}

// watch leaves a file of known size one of which any part can be read. To wait for
// more of it ends with ctx.
func watch(ctx context.Context, file io.Reader, size int64, bar io.Writer) io.Reader {
	read := io.TeeReader(&interruptible{ctx: ctx, from: file}, bar)
	if at, ok := file.(io.ReaderAt); ok && size >= 0 {
		return &watched{at, read, size, bar}
	}
	return read
}

// interruptible ends a read that waits, as of a pipe to which nobody writes.
type interruptible struct {
	ctx    context.Context
	from   io.Reader
	buffer []byte
}

func (i *interruptible) Read(p []byte) (int, error) {
	if len(i.buffer) < len(p) {
		i.buffer = make([]byte, len(p))
	}
	var n int
	var err error
	done := make(chan struct{})
	go func() {
		n, err = i.from.Read(i.buffer[:len(p)])
		close(done)
	}()
	select {
	case <-done:
		return copy(p, i.buffer[:n]), err
	case <-i.ctx.Done(): // the buffer is the read's, and no other follows
		return 0, i.ctx.Err()
	}
}

func (w *watched) Size() int64 { return w.size }

func (w *watched) ReadAt(p []byte, at int64) (int, error) {
	n, err := w.file.ReadAt(p, at)
	_, _ = w.bar.Write(p[:n]) // it only shows
	return n, err
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// chunks cuts the file into chunks and sends several at a time. What the reader
// rejected has chunks of its own. What may read differently when the file goes
// on, and the file's last line, are sent apart from what precedes them.
func (s *sender) chunks(whole context.Context, r *source.Reader, name, growth string) error {
	group, ctx := errgroup.WithContext(whole)
	group.SetLimit(4)
	records, rejects := newChunk(collect.RecordType, name), newChunk(collect.RejectedType, name)
	flush := func(c *chunk) {
		if c.end.lines > 0 {
			b := c.take()
			group.Go(func() error { return s.deliver(ctx, b, c.contentType, growth) })
		}
	}
	settled := true
	var failed error
	for ctx.Err() == nil {
		line, rejected, err := r.Next()
		if settled && !r.Settled() {
			settled = false
			records.mark(records.end)
			rejects.mark(rejects.end)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			failed = err
			break
		}
		c := records
		if rejected != nil {
			if line, err = s.reject(rejected); err != nil {
				return errors.Join(err, group.Wait())
			}
			c = rejects
		}
		s.count()
		if c.full(len(line)) {
			flush(c)
		}
		c.add(line)
	}
	if !settled {
		records.mark(records.last)
		rejects.mark(rejects.last)
	}
	flush(records)
	flush(rejects)
	if err := group.Wait(); err != nil {
		return err
	}
	if whole.Err() != nil {
		return whole.Err()
	}
	return failed
}

func (s *sender) count() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.totals.Rows++
}

// reject counts what the reader rejected and gives it as the door takes it.
func (s *sender) reject(r *source.Rejected) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.totals.Rejected++; s.totals.Rejected == 1 {
		s.totals.example = r.Message
	}
	return json.Marshal(collect.RejectedLine{Code: r.Code, Message: r.Message, Original: r.Original})
}
