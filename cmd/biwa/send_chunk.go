package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"strconv"

	"github.com/biwa-data/biwa/internal/collect"
)

// A chunk is what one request carries. Where it begins depends on what precedes it
// in the file alone, so a file that has grown has the chunks that it had, the last
// of them with more lines. Its key says where it begins; the node knows how far it
// had come.
const (
	chunkRecords = 2000
	chunkBytes   = 768 << 10
)

// chunk gathers lines of one content type.
type chunk struct {
	contentType string
	batch
	// content runs over all lines so far: two chunks of equal content at different
	// places have different keys.
	content hash.Hash
	last    end // before the last line
}

// batch is a chunk on its way.
type batch struct {
	key  string
	body []byte
	ends []end // where it may have ended when the file was shorter, ascending
	end  end
}

// end is a place in a batch.
type end struct{ bytes, lines int }

// newChunk begins with the first chunk of what has a name: equal content of
// another name has other keys.
func newChunk(contentType, name string) *chunk {
	c := &chunk{contentType: contentType, content: sha256.New()}
	fmt.Fprintf(c.content, "%s\x00%s\x00", contentType, name)
	return c
}

// full says whether a line of some length is for the next chunk.
func (c *chunk) full(length int) bool {
	return c.end.lines == chunkRecords || c.end.lines > 0 && c.end.bytes+length > chunkBytes
}

func (c *chunk) add(line []byte) {
	c.content.Write(line)
	c.content.Write([]byte{'\n'})
	if c.end.lines == 0 { // the first line is in the key: few files that differ share one
		c.key = fmt.Sprintf("send-%x", c.content.Sum(nil)[:20])
	}
	c.last = c.end
	c.body = append(append(c.body, line...), '\n')
	c.end = end{len(c.body), c.end.lines + 1}
}

// mark makes a place one up to which the chunk is sent by itself, before the rest:
// what follows may read differently when the file has grown.
func (c *chunk) mark(at end) {
	if n := len(c.ends); at.lines > 0 && (n == 0 || c.ends[n-1].lines < at.lines) {
		c.ends = append(c.ends, at)
	}
}

// take gives the chunk and begins the next.
func (c *chunk) take() batch {
	b := c.batch
	b.body = bytes.Clone(b.body)
	if len(b.ends) == 0 || b.ends[len(b.ends)-1] != b.end {
		b.ends = append(b.ends, b.end)
	}
	c.batch = batch{body: c.body[:0]}
	return b
}

// errLonger is the node's answer to a chunk of which it has a longer one, and
// cannot say whether that begins with this one.
var errLonger = errors.New("the node has more of this file than was read")

// deliver sends a chunk, step by step.
func (s *sender) deliver(ctx context.Context, b batch, contentType string, growth string) error {
	headers := map[string]string{"Content-Type": contentType, "Prefer": "handling=lenient", "Idempotency-Key": b.key, "Idempotency-Grows": growth}
	var before collect.Answer
	for _, e := range b.ends {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		answer, err := s.post(ctx, b.body[:e.bytes], headers)
		var p *problemError
		if errors.As(err, &p) && p.Status == http.StatusConflict {
			return errLonger
		}
		if err != nil {
			return err
		}
		s.took(answer, before, b.body[:e.bytes], headers)
		before = answer
	}
	return nil
}

// took counts an answer; before is that to the beginning of the same chunk.
func (s *sender) took(answer, before collect.Answer, body []byte, headers map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest.keep(answer.Last, body, headers)
	s.totals.Records += answer.Accepted - before.Accepted
	s.totals.Quarantined += answer.Quarantined - before.Quarantined
	s.totals.Before += max(0, answer.Known-before.Accepted)
}

// newest is the chunk that is last in the log: when SQL sees it, it sees all.
type newest struct {
	id      int64
	body    []byte
	headers map[string]string
}

func (n *newest) keep(last string, body []byte, headers map[string]string) {
	if id, err := strconv.ParseInt(last, 10, 64); err == nil && id > n.id {
		*n = newest{id, body, headers}
	}
}

// awaitVisible returns when SQL sees what was sent: the newest chunk is sent
// again, which adds nothing, and its answer waits.
func (s *sender) awaitVisible(ctx context.Context) error {
	if s.newest.headers["Idempotency-Key"] == "" {
		return nil
	}
	if _, err := s.try(ctx, "?wait=queryable", s.newest.body, s.newest.headers); err != nil {
		return fmt.Errorf("all is on the node's disk and safe, but SQL does not see it yet: %w", err)
	}
	return nil
}
