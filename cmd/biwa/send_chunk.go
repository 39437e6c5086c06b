package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"strconv"
)

// A chunk is what one request carries: its bounds depend on the file alone, so
// that the same file always gives the same chunks and keys.
const (
	chunkRecords = 2000
	chunkBytes   = 768 << 10
)

const recordsType = "application/x-ndjson"

// chunk gathers lines of one content type.
type chunk struct {
	contentType string
	body        bytes.Buffer
	lines       int
	// content runs over all lines so far: two chunks of equal content at different
	// places have different keys.
	content hash.Hash
}

func newChunk(contentType string) *chunk {
	c := &chunk{contentType: contentType, content: sha256.New()}
	if contentType != recordsType {
		c.content.Write([]byte(contentType))
	}
	return c
}

// full says whether a line of some length is for the next chunk.
func (c *chunk) full(length int) bool {
	return c.lines == chunkRecords || c.lines > 0 && c.body.Len()+length > chunkBytes
}

func (c *chunk) add(line []byte) {
	c.content.Write(line)
	c.content.Write([]byte{'\n'})
	c.body.Write(line)
	c.body.WriteByte('\n')
	c.lines++
}

// take gives the chunk and its key, and begins the next.
func (c *chunk) take() (body []byte, key string) {
	body, key = bytes.Clone(c.body.Bytes()), fmt.Sprintf("send-%x", c.content.Sum(nil)[:20])
	c.body.Reset()
	c.lines = 0
	return body, key
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
	if err := s.try(ctx, "?wait=queryable", s.newest.body, s.newest.headers); err != nil {
		return errors.Join(errors.New("all is on the node's disk, but SQL does not see it yet"), err)
	}
	return nil
}
