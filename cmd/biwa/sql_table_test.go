package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/biwa-data/biwa/internal/serve/api"
)

// drawn is a table of go-pretty, which lays out a whole result at once.
func drawn(columns []api.Column, rows [][]json.RawMessage, markdown bool) string {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	header, configs := table.Row{}, []table.ColumnConfig{}
	for i, c := range columns {
		header = append(header, c.Name)
		if isNumeric(c.Type) {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	t.AppendHeader(header)
	t.SetColumnConfigs(configs)
	for _, row := range rows {
		cells := table.Row{}
		for _, c := range row {
			cells = append(cells, cellText(c))
		}
		t.AppendRow(cells)
	}
	if markdown {
		return t.RenderMarkdown() + "\n"
	}
	return t.Render() + "\n"
}

func TestASmallTableIsAsIfLaidOutWhole(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	cells := []string{`null`, `""`, `"a"`, `"琵琶湖の朝"`, `"a|b"`, `"é"`, `"two\nlines"`, `1`, `-12.5`, `true`, `["x",null]`, `"👍🏽"`, `"Ａ１"`, `"NULL"`}
	for range 300 {
		var columns []api.Column
		for i := range 1 + random.IntN(5) {
			columns = append(columns, api.Column{Name: []string{"n", "長い名前", "column_with_a_name"}[random.IntN(3)] + fmt.Sprint(i), Type: []string{"VARCHAR", "BIGINT", "DECIMAL(9,2)", "BIGINT[]"}[random.IntN(4)]})
		}
		var rows [][]json.RawMessage
		for range random.IntN(6) {
			var row []json.RawMessage
			for range columns {
				row = append(row, json.RawMessage(cells[random.IntN(len(cells))]))
			}
			rows = append(rows, row)
		}
		body, err := json.Marshal(map[string]any{"columns": columns, "rows": append([][]json.RawMessage{}, rows...), "stats": api.Stats{}})
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"table", "markdown"} {
			var got strings.Builder
			if err := (&querier{format: format, out: &got}).print(bytes.NewReader(body)); err != nil {
				t.Fatal(err)
			}
			if format == "markdown" && len(rows) == 0 {
				continue // go-pretty takes a column without cells for one of numbers
			}
			want := drawn(columns, rows, format == "markdown")
			if format == "table" {
				want += fmt.Sprintf("(%d %s)\n", len(rows), plural(len(rows), "row", "rows"))
			}
			if got.String() != want {
				t.Fatalf("%s\ngot\n%s\nwant\n%s", body, got.String(), want)
			}
		}
	}
}

// manyRows writes the JSON answer of a node with so many rows, and tells how far it came.
func manyRows(w io.Writer, rows int, wide func(i int) string) {
	fmt.Fprint(w, `{"columns":[{"name":"n","type":"BIGINT"},{"name":"text","type":"VARCHAR"}],"rows":[`)
	for i := range rows {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		if _, err := fmt.Fprintf(w, "\n[%d,%q]", i, wide(i)); err != nil {
			return
		}
	}
	fmt.Fprintf(w, `],"stats":{"rows":%d}}`, rows)
}

// A pipe holds nothing: were the table to wait for the last row, the first line would
// never come.
func TestATableBeginsBeforeItsLastRowIsThere(t *testing.T) {
	in, body := io.Pipe()
	out, lines := io.Pipe()
	go func() {
		err := (&querier{format: "table", out: lines}).print(in)
		lines.CloseWithError(err)
	}()
	begun := make(chan struct{})
	go func() {
		manyRows(body, 600_000, func(i int) string {
			if i == sampleRows+10_000 {
				<-begun
			}
			return "x"
		})
		body.Close()
	}()
	first := make([]byte, 3)
	if _, err := io.ReadFull(out, first); err != nil || string(first) != "┌" {
		t.Fatalf("%q, %v", first, err)
	}
	close(begun)
	rest, err := io.ReadAll(out)
	if err != nil || !bytes.HasSuffix(rest, []byte("(600000 rows)\n")) {
		t.Fatalf("%q, %v", rest[max(0, len(rest)-100):], err)
	}
}

func TestACellWiderThanTheSampleIsWhole(t *testing.T) {
	var body bytes.Buffer
	manyRows(&body, sampleRows+2, func(i int) string {
		if i == sampleRows {
			return "wider than its column"
		}
		return "x"
	})
	var got strings.Builder
	if err := (&querier{format: "table", out: &got}).print(&body); err != nil {
		t.Fatal(err)
	}
	end := strings.Join(strings.Split(got.String(), "\n")[sampleRows+2:], "\n")
	want := "│ 999 │ x    │\n│ 1000 │ wider than its column │\n│ 1001 │ x    │\n└─────┴──────┘\n(1002 rows)\n"
	if end != want {
		t.Errorf("got\n%s\nwant\n%s", end, want)
	}
}

func TestAnAnswerThatFailsOnItsWay(t *testing.T) {
	for body, want := range map[string]string{
		`{"columns":[{"name":"n","type":"BIGINT"}],"rows":[[1]],"error":"out of memory","stats":{}}`: "out of memory",
		`{"columns":[{"name":"n","type":"BIGINT"}],"rows":[[1],[2`:                                   errCutShort.Error(),
		`{"columns":[{"name":"n","type":"BIGINT"}],"rows":[[1]`:                                      errCutShort.Error(),
		``:      errCutShort.Error(),
		`[1,2]`: "the answer does not read",
	} {
		var got strings.Builder
		err := (&querier{format: "table", out: &got}).print(strings.NewReader(body))
		if err == nil || !strings.Contains(err.Error(), want) || got.Len() > 0 {
			t.Errorf("%s: %v, printed %q", body, err, got.String())
		}
	}
}

func TestACellHasNothingThatATerminalObeys(t *testing.T) {
	for in, want := range map[string]string{"\x1b[31mred": "␛[31mred", "a\nb\tc\r": "a⏎b⇥c", "\u009b2J\x7f": "\uFFFD2J\uFFFD", "琵琶湖": "琵琶湖"} {
		if got := cellOf(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
