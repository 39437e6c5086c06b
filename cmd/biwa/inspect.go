package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

func newTap() *cobra.Command {
	var count int
	c := &cobra.Command{Use: "tap STREAM", Short: "Watch records arrive", Example: "  biwa tap events\n  biwa tap events -n 10", Args: cobra.ExactArgs(1)}
	cl := clientFlags(c)
	c.Flags().IntVarP(&count, "count", "n", 0, "stop after so many records")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		r, err := cl.do(cmd.Context(), http.MethodGet, "/v1/tap/"+url.PathEscape(args[0]), nil, nil)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		fmt.Fprintf(cmd.ErrOrStderr(), "watching %s; Ctrl-C ends it\n", args[0])
		lines := bufio.NewScanner(r.Body)
		lines.Buffer(nil, 8*record.MaxRecordBytes)
		for n := 0; lines.Scan(); {
			fmt.Fprintln(cmd.OutOrStdout(), lines.Text())
			if n++; n == count {
				return nil
			}
		}
		if cmd.Context().Err() != nil {
			return nil // Ctrl-C is how a tap ends
		}
		return lines.Err()
	}
	return c
}

func newTrace() *cobra.Command {
	c := &cobra.Command{Use: "trace RECORD_ID", Short: "Show the whole life of one record", Args: cobra.ExactArgs(1),
		Long: "Prints, as JSON, the request that brought the record, its envelope, the archive's file\nand line, what was coerced, the verdict, the data file and its commit."}
	cl := clientFlags(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var t api.Trace
		if err := cl.call(cmd.Context(), http.MethodGet, "/v1/trace/"+url.PathEscape(args[0]), nil, &t); err != nil {
			return err
		}
		return printJSON(cmd.OutOrStdout(), t)
	}
	return c
}

func newQuarantine() *cobra.Command {
	c := &cobra.Command{Use: "quarantine", Short: "Look at rejected records, try them again, or discard them"}
	c.AddCommand(newQuarantineList(), newQuarantineShow(), newQuarantineReplay(), newQuarantineDiscard())
	onlyCommands(c)
	return c
}

func newQuarantineList() *cobra.Command {
	q := &querier{}
	c := &cobra.Command{Use: "ls [STREAM]", Short: "Count rejected records by reason", Args: cobra.MaximumNArgs(1)}
	quarantineQuery(c, q, func(filter string) string {
		return `SELECT stream, code, "column", count(*) AS records, min(_received_at) AS since, any_value(message) AS example FROM quarantine WHERE code <> 'duplicate'` + filter + ` GROUP BY ALL ORDER BY records DESC`
	})
	return c
}

func newQuarantineShow() *cobra.Command {
	q := &querier{}
	var raw bool
	c := &cobra.Command{Use: "show [STREAM]", Short: "Show the newest rejected records", Args: cobra.MaximumNArgs(1),
		Long: "Shows the newest 50 with their reasons. What is kept in base64, for it has line breaks or\nis not UTF-8, is shown as text with \\n, \\xe9 and \\\\. With --raw all of them are written as\nthey came, oldest first, each with a line break after it."}
	quarantineQuery(c, q, func(filter string) string {
		return `SELECT _record_id, _received_at, stream, code, "column", message, ` + readableLine + ` AS line FROM quarantine WHERE code <> 'duplicate'` + filter + ` ORDER BY _record_id DESC LIMIT 50`
	})
	c.Flags().BoolVar(&raw, "raw", false, "write the records as they came, and nothing else")
	table := c.RunE
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if !raw {
			return table(cmd, args)
		}
		return q.rawQuarantine(cmd.Context(), streamFilter(args), cmd.OutOrStdout())
	}
	return c
}

// readableLine is a line of quarantine as text: what is in base64 with escapes.
const readableLine = `CASE WHEN NOT starts_with(line, 'base64:') THEN line ELSE coalesce(
	replace(replace(replace(replace(try(decode(from_base64(substr(line, 8)))), '\', '\\'), chr(10), '\n'), chr(13), '\r'), chr(9), '\t'),
	from_base64(substr(line, 8))::varchar) END`

// rawQuarantine writes rejected records to the byte.
func (q *querier) rawQuarantine(ctx context.Context, filter string, out io.Writer) error {
	statement := `SELECT line FROM quarantine WHERE code <> 'duplicate'` + filter + ` ORDER BY _record_id`
	answer, err := q.ask(ctx, statement, "ndjson")
	if err != nil {
		return sqlError(statement, err)
	}
	defer answer.Body.Close()
	for d := json.NewDecoder(answer.Body); ; {
		var row struct{ Line string }
		if err := d.Decode(&row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		line := []byte(row.Line)
		if packed, ok := strings.CutPrefix(row.Line, "base64:"); ok {
			if line, err = base64.StdEncoding.DecodeString(packed); err != nil {
				return fmt.Errorf("a record is kept in base64 that does not decode: %w", err)
			}
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
}

func streamFilter(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return " AND stream = " + record.QuoteText(args[0])
}

func quarantineQuery(c *cobra.Command, q *querier, statement func(filter string) string) {
	q.client = clientFlags(c)
	c.Flags().StringVar(&q.format, "format", "table", "table, csv, json, ndjson or markdown")
	c.PreRunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return q.client.knows(cmd.Context(), args[0])
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		q.out = cmd.OutOrStdout()
		if err := q.checkFormat(); err != nil {
			return err
		}
		return q.run(cmd.Context(), statement(streamFilter(args)))
	}
}

// knows is an error that names the nearest stream where the node has none of a name,
// in its project or removed from it.
func (c *client) knows(ctx context.Context, stream string) error {
	var list api.StreamList
	if err := c.call(ctx, http.MethodGet, "/v1/streams", nil, &list); err != nil {
		return err
	}
	var names []string
	for _, s := range list.Streams {
		if s.Name == stream {
			return nil
		}
		names = append(names, s.Name)
	}
	if near := nearest.Word(stream, names); near != "" {
		return usagef("there is no stream %q; did you mean %q?", stream, near)
	}
	return usagef("there is no stream %q: the node has %s", stream, cmp.Or(strings.Join(names, ", "), "none"))
}

func newQuarantineReplay() *cobra.Command {
	var request api.ReplayRequest
	var asJSON bool
	c := &cobra.Command{Use: "replay STREAM", Short: "Try rejected records again with the stream's definition of now", Args: cobra.ExactArgs(1),
		Long: "Records that fit now move into the table, under their own ids; run again, none moves\ntwice. The ledger shows it. What no definition can mend (a line\nthat is no JSON, a copy) is not tried, and counted by its reason."}
	cl := clientFlags(c)
	c.Flags().StringVar(&request.Code, "code", "", "only those rejected for this reason")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		request.Stream = args[0]
		var a api.ReplayAnswer
		if err := cl.call(cmd.Context(), http.MethodPost, "/v1/quarantine/replay", request, &a); err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), a)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d tried, %d moved into %s, %d left in quarantine\n", a.Tried, a.Moved, args[0], a.Left)
		for _, u := range a.Untried {
			fmt.Fprintf(cmd.OutOrStdout(), "%d not tried: %s, which no definition can mend\n", u.Count, u.Code)
		}
		return nil
	}
	return c
}

func newQuarantineDiscard() *cobra.Command {
	var request api.DiscardRequest
	var asJSON, yes bool
	c := &cobra.Command{Use: "discard STREAM --yes", Short: "Delete a stream's rejected records for good", Args: cobra.ExactArgs(1),
		Long: "What is discarded cannot be tried again. The ledger keeps how many there were, so that\nit balances. Copies that deduplication kept are discarded with --code duplicate only."}
	cl := clientFlags(c)
	c.Flags().StringVar(&request.Code, "code", "", "only those rejected for this reason")
	c.Flags().BoolVar(&yes, "yes", false, "they may be deleted")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if !yes {
			return usagef("this deletes rejected records of %s for good: biwa quarantine show %s prints them; say --yes to delete them", args[0], args[0])
		}
		request.Stream = args[0]
		var a api.DiscardAnswer
		if err := cl.call(cmd.Context(), http.MethodPost, "/v1/quarantine/discard", request, &a); err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), a)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%d %s of %s discarded from quarantine\n", a.Discarded, plural(int(a.Discarded), "record", "records"), args[0])
		return nil
	}
	return c
}
