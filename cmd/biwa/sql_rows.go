package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/biwa-data/biwa/internal/serve/api"
)

// rowReader reads the node's JSON answer to a statement row by row, however long it is.
type rowReader struct {
	d       *json.Decoder
	columns []api.Column
	stats   api.Stats // once all rows are read
	row     []json.RawMessage
}

// openAnswer reads as far as the columns, which come before the rows.
func openAnswer(r io.Reader) (*rowReader, error) {
	a := &rowReader{d: json.NewDecoder(r)}
	if err := a.want(json.Delim('{')); err != nil {
		return nil, err
	}
	for {
		name, err := a.d.Token()
		if err != nil {
			return nil, unreadable(err)
		}
		switch name {
		case "columns":
			if err := a.d.Decode(&a.columns); err != nil {
				return nil, unreadable(err)
			}
		case "rows":
			return a, a.want(json.Delim('['))
		default:
			return nil, unreadable(fmt.Errorf("%v comes before the rows", name))
		}
	}
}

// next is the next row, whose cells are as they were written and hold until the call
// after it; io.EOF comes after the last, and another error where the query failed on
// its way.
func (a *rowReader) next() ([]json.RawMessage, error) {
	if a.d.More() {
		if err := a.d.Decode(&a.row); err != nil {
			return nil, unreadable(err)
		}
		return a.row, nil
	}
	if err := a.want(json.Delim(']')); err != nil {
		return nil, err
	}
	var failure string
	for a.d.More() {
		name, err := a.d.Token()
		switch {
		case err != nil:
		case name == "error":
			err = a.d.Decode(&failure)
		case name == "stats":
			err = a.d.Decode(&a.stats)
		default:
			err = a.d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return nil, unreadable(err)
		}
	}
	if err := a.want(json.Delim('}')); err != nil {
		return nil, err
	}
	if failure != "" {
		return nil, errors.New(failure)
	}
	return nil, io.EOF
}

func (a *rowReader) want(what json.Delim) error {
	t, err := a.d.Token()
	if err == nil && t != what {
		err = fmt.Errorf("%v where %v should be", t, what)
	}
	return unreadable(err)
}

// unreadable is what is said of an answer that ends early or is no answer.
func unreadable(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		return errCutShort
	}
	return fmt.Errorf("the answer does not read: %w", err)
}

var errCutShort = errors.New("the result was cut short: the query failed on its way, see the node's log")
