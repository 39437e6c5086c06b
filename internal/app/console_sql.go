package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// byConsole is how queries of the pages are counted.
const byConsole = "console"

// Ask runs a reader's statement and gives the first rows as text.
func (p pagesOf) Ask(ctx context.Context, sql string, zone *time.Location, most int) (console.Result, error) {
	rows, err := p.node.Engine().Query(ctx, api.Query{SQL: sql, Location: zone, By: byConsole})
	if err != nil {
		return console.Result{}, placed(err)
	}
	defer func() { _ = rows.Close() }()
	r := console.Result{Columns: rows.Columns()}
	if zone, err = rows.Zone(ctx); err != nil {
		return r, placed(err)
	}
	for !r.More {
		batch, err := rows.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return r, placed(err)
		}
		for i := 0; i < int(batch.NumRows()) && !r.More; i++ {
			if r.More = len(r.Rows) == most; r.More {
				break
			}
			texts, null := api.RowText(r.Columns, batch, i, zone)
			row := make([]console.Cell, len(texts))
			for c := range texts {
				row[c] = console.Cell{Text: texts[c], Null: null[c]}
			}
			r.Rows = append(r.Rows, row)
		}
		batch.Release()
	}
	r.Stats = rows.Stats()
	return r, nil
}

// placed tells the console where in a statement a mistake is.
func placed(err error) error {
	var e *engine.SQLError
	if !errors.As(err, &e) {
		return err
	}
	return &console.Fault{Line: e.Line, Column: e.Column, Message: e.Message, Suggestion: e.Suggestion, Err: err}
}

// Send streams a statement's whole result in the format that the request asks for.
func (p pagesOf) Send(w http.ResponseWriter, r *http.Request, sql string, zone *time.Location, name string) {
	api.Answer(w, r, p.node.Engine(), api.Query{SQL: sql, Location: zone, By: byConsole}, name, p.node.log)
}

// Vocabulary is what a statement can name.
func (p pagesOf) Vocabulary(context.Context) (console.Vocabulary, error) {
	pin := p.node.worlds.Pin()
	defer pin.Release()
	v := console.Vocabulary{Functions: p.node.engine.Functions()}
	for _, t := range p.node.tablesOf(pin) {
		words := console.TableWords{Name: t.Name, TimeColumn: t.TimeColumn, Columns: columnsOf(pin.Table(t.Name)), Rows: t.All()}
		if s := p.node.byName(t.Name); s != nil {
			words.Partition = s.newest().shaper.PartitionColumns()
		}
		v.Tables = append(v.Tables, words)
	}
	return v, nil
}
