package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/source"
)

// replay sends records at the pace of their own times.
type replay struct {
	on     bool
	column string
	speed  string
	shift  bool
}

// factor reads a speed such as 60x.
func (r replay) factor() (float64, error) {
	f, err := strconv.ParseFloat(strings.TrimSuffix(r.speed, "x"), 64)
	if err != nil || f <= 0 {
		return 0, usagef("--speed %q: want a number such as 60x", r.speed)
	}
	return f, nil
}

// paceStep is how much of the file's time goes into one request, after speeding up.
const paceStep = 200 * time.Millisecond

// paced sends each record when its time has come. What is sent is new every time
// it is run, so it carries no keys.
func (s *sender) paced(ctx context.Context, r *source.Reader) error {
	speed, err := s.replay.factor()
	if err != nil {
		return err
	}
	column, err := s.timeColumn(ctx)
	if err != nil {
		return err
	}
	var body bytes.Buffer
	var first time.Time
	began := time.Now()
	due := began
	for n := 0; ; n++ {
		line, rejected, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		s.count()
		if rejected != nil { // it has no time: it goes at once
			text, err := s.reject(rejected)
			if err != nil {
				return err
			}
			if err := s.postOnce(ctx, text, collect.RejectedType); err != nil {
				return err
			}
			continue
		}
		fields, at, err := readTime(line, column)
		if err != nil {
			return fmt.Errorf("record %d: %w", n, err)
		}
		if first.IsZero() {
			first = at
		}
		offset := time.Duration(float64(at.Sub(first)) / speed)
		if when := began.Add(offset); when.Sub(due) > paceStep {
			if err := s.waitAndPost(ctx, due, &body); err != nil {
				return err
			}
			due = when
		}
		if s.replay.shift {
			if line, err = withTime(fields, column, began.Add(offset)); err != nil {
				return err
			}
		}
		body.Write(line)
		body.WriteByte('\n')
		if body.Len() > chunkBytes {
			if err := s.waitAndPost(ctx, due, &body); err != nil {
				return err
			}
		}
	}
	return s.waitAndPost(ctx, due, &body)
}

func (s *sender) waitAndPost(ctx context.Context, due time.Time, body *bytes.Buffer) error {
	if body.Len() == 0 {
		return nil
	}
	select {
	case <-time.After(time.Until(due)):
	case <-ctx.Done():
		return ctx.Err()
	}
	defer body.Reset()
	return s.postOnce(ctx, bytes.Clone(body.Bytes()), collect.RecordType)
}

// postOnce sends a body without a key.
func (s *sender) postOnce(ctx context.Context, body []byte, contentType string) error {
	headers := map[string]string{"Content-Type": contentType, "Prefer": "handling=lenient"}
	answer, err := s.post(ctx, body, headers)
	if err == nil {
		s.took(answer, collect.Answer{}, body, headers)
	}
	return err
}

// timeColumn is the field with the records' times.
func (s *sender) timeColumn(ctx context.Context) (string, error) {
	if s.replay.column != "" {
		return s.replay.column, nil
	}
	var list api.StreamList
	if err := s.client.call(ctx, http.MethodGet, "/v1/streams", nil, &list); err != nil {
		return "", err
	}
	for _, info := range list.Streams {
		if info.Name == s.stream && info.EventTime != "" {
			return info.EventTime, nil
		}
	}
	return "", usagef("stream %s has no event_time: name the field with --time-column", s.stream)
}

var timeForms = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", time.DateOnly}

func readTime(line []byte, column string) (fields map[string]json.RawMessage, at time.Time, err error) {
	if err := json.Unmarshal(line, &fields); err != nil {
		return nil, at, err
	}
	var text string
	if err := json.Unmarshal(fields[column], &text); err != nil {
		return nil, at, fmt.Errorf("field %q holds no time: %s", column, fields[column])
	}
	for _, form := range timeForms {
		if at, err = time.Parse(form, text); err == nil {
			return fields, at, nil
		}
	}
	return nil, at, fmt.Errorf("field %q holds no time: %q", column, text)
}

func withTime(fields map[string]json.RawMessage, column string, at time.Time) ([]byte, error) {
	text, err := json.Marshal(at.UTC().Format(time.RFC3339Nano))
	if err != nil {
		return nil, err
	}
	fields[column] = text
	return json.Marshal(fields)
}
