package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/ledger"
)

func newLedger() *cobra.Command {
	var asJSON, hours bool
	c := &cobra.Command{Use: "ledger", Short: "Account for every record; exit 3 if one is missing or doubled",
		Long: `accepted = delivered + quarantined + deduplicated + filtered + pending, counted from
the tables. removed is what retention, deletes and replays took out since.`,
		Example: "  biwa ledger\n  biwa ledger --json\n  biwa ledger verify"}
	cl := clientFlags(c)
	c.Args = cobra.NoArgs
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var report ledger.Report
		if err := cl.call(cmd.Context(), http.MethodGet, "/v1/ledger", nil, &report); err != nil {
			return err
		}
		if asJSON {
			if err := printJSON(cmd.OutOrStdout(), report); err != nil {
				return err
			}
		} else {
			printLedger(cmd.OutOrStdout(), report, hours)
		}
		return balance(report.Balanced)
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&hours, "hours", false, "also by hour of receipt")
	c.AddCommand(newVerify())
	return c
}

// balance makes exit code 3 of a ledger that does not balance.
func balance(ok bool) error {
	if ok {
		return nil
	}
	return &exitError{exitUnbalanced, fmt.Errorf("the ledger does not balance")}
}

func printLedger(out io.Writer, r ledger.Report, hours bool) {
	t := accountTable(out)
	for _, s := range r.Streams {
		t.AppendRow(table.Row{s.Name, s.Accepted, s.Delivered, s.Quarantined, s.Deduplicated, s.Filtered, s.Removed, s.Pending})
		if hours {
			for _, h := range s.Hours {
				t.AppendRow(table.Row{"  " + h.Hour.Format("2006-01-02 15:04Z07:00"), h.Accepted, h.Delivered, h.Quarantined, h.Deduplicated, h.Filtered, "", ""})
			}
		}
	}
	t.Render()
	if r.Balanced {
		fmt.Fprintln(out, "balanced: every record accepted is accounted for, once")
	}
	for _, s := range r.Streams {
		if s.State == ledger.StreamRemoved {
			fmt.Fprintf(out, "%s is removed: it is not in the project and takes no records; its table stays\n", s.Name)
		}
		if !s.Balanced {
			fmt.Fprintf(out, "%s: its table has %d rows, the account says %d: biwa ledger verify names the range\n", s.Name, s.Live, s.Expected)
		}
	}
	if q := r.Quarantine; !q.Balanced {
		fmt.Fprintf(out, "quarantine has %d rows, the account says %d\n", q.Live, q.Expected)
	}
	for _, i := range r.Incidents {
		fmt.Fprintf(out, "incident %s at %s, sequence numbers %d to %d: %s\n", i.Kind, i.At.Format(time.RFC3339), i.From, i.To, i.Detail)
	}
}

func accountTable(out io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"stream", "accepted", "delivered", "quarantined", "deduplicated", "filtered", "removed", "pending"})
	return t
}

func newVerify() *cobra.Command {
	var asJSON, full bool
	c := &cobra.Command{Use: "verify", Short: "Recount from the files against what the journal answered for", Args: cobra.NoArgs}
	cl := clientFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&full, "full", false, "also count distinct ids: slow and large")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return verify(cmd.Context(), cl, cmd.OutOrStdout(), full, asJSON)
	}
	return c
}

func verify(ctx context.Context, cl *client, out io.Writer, full, asJSON bool) error {
	path := "/v1/ledger/verify"
	if full {
		path += "?full=true"
	}
	var v ledger.Verification
	if err := cl.call(ctx, http.MethodPost, path, nil, &v); err != nil {
		return err
	}
	if asJSON {
		if err := printJSON(out, v); err != nil {
			return err
		}
		return balance(v.Balanced)
	}
	for _, t := range v.Tables {
		fmt.Fprintf(out, "%s: %d rows in its files, %d expected\n", t.Table, t.Counted.Count, t.Expected.Count)
		for _, d := range t.Differences {
			fmt.Fprintf(out, "  sequence numbers %d to %d: %d rows, %d expected\n", d.From, d.To, d.Counted.Count, d.Expected.Count)
		}
	}
	if v.Balanced {
		fmt.Fprintln(out, "verified: the files hold what the journal answered for, once")
	}
	return balance(v.Balanced)
}
