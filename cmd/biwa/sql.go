package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/serve/api"
)

func newSQL() *cobra.Command {
	q := &querier{}
	var statement string
	c := &cobra.Command{Use: "sql", Short: "Ask in SQL: one statement, or a shell",
		Long: `Without -c a shell opens: a statement ends with ; and may take several lines.
In the shell: \d lists tables, \d NAME shows columns, \timing, \format NAME,
help, and quit, exit or \q. In a table NULL is the value, an empty cell an empty text.`,
		Example: "  biwa sql -c \"select count(*) from events\"\n  biwa sql -c \"from events limit 5\" --format csv > events.csv",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.out = cmd.OutOrStdout()
			if err := q.checkFormat(); err != nil {
				return err
			}
			switch {
			case statement != "":
				return q.run(cmd.Context(), statement)
			case isTerminal(q.out) && isTerminalIn():
				return newShell(q).run(cmd.Context())
			}
			text, err := io.ReadAll(cmd.InOrStdin())
			if err != nil {
				return err
			}
			return q.run(cmd.Context(), string(text))
		}}
	q.client = clientFlags(c)
	c.Flags().StringVarP(&statement, "command", "c", "", "statement to run")
	c.Flags().StringVar(&q.format, "format", "table", "table, csv, json, ndjson, markdown, parquet or arrow")
	c.Flags().StringVar(&q.zone, "timezone", "", "IANA time zone of the query; default the project's")
	c.Flags().BoolVar(&q.timing, "stats", false, "print what the query cost")
	return c
}

func isTerminalIn() bool {
	info, err := os.Stdin.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// querier runs statements on the node.
type querier struct {
	client *client
	format string
	zone   string
	timing bool
	out    io.Writer
}

var sqlFormats = []string{"table", "csv", "json", "ndjson", "markdown", "parquet", "arrow"}

func (q *querier) checkFormat() error {
	for _, f := range sqlFormats {
		if f == q.format {
			if (f == "parquet" || f == "arrow") && isTerminal(q.out) {
				return usagef("--format %s is not for a terminal: send it to a file with >", f)
			}
			return nil
		}
	}
	return usagef("--format %q: there are %s", q.format, strings.Join(sqlFormats, ", "))
}

// run runs one statement and prints its result.
func (q *querier) run(ctx context.Context, statement string) error {
	wire := q.format
	if wire == "table" || wire == "markdown" {
		wire = "json"
	}
	answer, err := q.ask(ctx, statement, wire)
	if err != nil {
		return sqlError(statement, err)
	}
	defer answer.Body.Close()
	if wire == q.format {
		_, err := io.Copy(q.out, answer.Body)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return errCutShort
		}
		return err
	}
	return q.print(answer.Body)
}

func (q *querier) ask(ctx context.Context, statement, format string) (*http.Response, error) {
	body, err := json.Marshal(api.QueryBody{SQL: statement, TimeZone: q.zone})
	if err != nil {
		return nil, err
	}
	return q.client.do(ctx, http.MethodPost, "/v1/query?format="+format, bytes.NewReader(body), map[string]string{"Content-Type": "application/json"})
}

// print writes an answer as a table while it comes.
func (q *querier) print(body io.Reader) error {
	a, err := openAnswer(body)
	if err != nil {
		return err
	}
	rows, err := q.copyTable(a)
	if err != nil {
		return err
	}
	if q.format != "markdown" {
		fmt.Fprintf(q.out, "(%d %s)\n", rows, plural(rows, "row", "rows"))
	}
	if q.timing {
		fmt.Fprintf(q.out, "%.1f ms; %d files read, %d skipped; %d bytes; %d recent rows\n", a.stats.ElapsedMS, a.stats.FilesRead, a.stats.FilesSkipped, a.stats.BytesRead, a.stats.RecentRows)
	}
	return nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func isNumeric(sqlType string) bool {
	for _, prefix := range []string{"BIGINT", "INTEGER", "HUGEINT", "DOUBLE", "FLOAT", "DECIMAL", "SMALLINT", "TINYINT", "UBIGINT"} {
		if strings.HasPrefix(sqlType, prefix) && !strings.HasSuffix(sqlType, "[]") {
			return true
		}
	}
	return false
}

// sqlError shows where in the statement the mistake is.
func sqlError(statement string, err error) error {
	var p *problemError
	if !errors.As(err, &p) || len(p.Errors) == 0 {
		return err
	}
	var places []struct {
		Line, Column int
		Suggestion   string
	}
	if json.Unmarshal(p.Errors, &places) != nil || len(places) == 0 || places[0].Line == 0 {
		return err
	}
	at := places[0]
	lines := strings.Split(statement, "\n")
	if at.Line > len(lines) {
		return err
	}
	line := []rune(lines[at.Line-1])
	indent := text.StringWidthWithoutEscSequences(string(line[:min(max(at.Column-1, 0), len(line))]))
	pointing := *p
	pointing.Detail = fmt.Sprintf("%s\n  %s\n  %s^", p.Detail, string(line), strings.Repeat(" ", indent))
	return &pointing
}
