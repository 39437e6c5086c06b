package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/bench"
)

func newBench() *cobra.Command {
	var asJSON bool
	o := bench.Options{}
	c := &cobra.Command{Use: "bench [NAME...]", Short: "Measure this machine: each figure against a limit or a peer of the same run", ValidArgs: bench.Names(),
		Long:    "Without a name all are measured, one after the other; docs/PERFORMANCE.md explains each. A goal that is missed makes the exit code 1.",
		Example: "  biwa bench intake land\n  biwa bench chain --duration 1m --json\n  biwa bench tpch --sf 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = bench.Names()
			}
			for _, name := range args {
				if !slices.Contains(bench.Names(), name) {
					return usagef("there is no measurement %q; there are %s", name, strings.Join(bench.Names(), ", "))
				}
			}
			o.Progress = func(text string) {
				if isTerminal(cmd.ErrOrStderr()) {
					fmt.Fprintf(cmd.ErrOrStderr(), "… %s\n", text)
				}
			}
			var failed error
			for _, name := range args {
				r, err := bench.Run(cmd.Context(), name, o)
				if err != nil {
					failed = errors.Join(failed, fmt.Errorf("%s: %w", name, err))
					continue
				}
				met := "met"
				if !r.Met {
					met = "missed"
					failed = errors.Join(failed, fmt.Errorf("%s: the goal is missed: %s", name, r.Goal))
				}
				if asJSON {
					if err := printJSON(cmd.OutOrStdout(), r); err != nil {
						return err
					}
					continue
				}
				printParts(cmd.OutOrStdout(), r)
				fmt.Fprintf(cmd.OutOrStdout(), "%-8s %12.4g %-10s ratio %.2f to %.4g (%s); goal %s: %s\n", r.Name, r.Value, r.Unit, r.Ratio, r.Baseline, r.Against, r.Goal, met)
			}
			return failed
		}}
	c.Args = cobra.ArbitraryArgs
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().DurationVar(&o.Duration, "duration", time.Minute, "of the measurements that have one")
	c.Flags().Float64Var(&o.Scale, "scale", 1, "of the sizes of the measurements that have one")
	c.Flags().Float64Var(&o.Scale, "sf", 1, "the same as --scale, in TPC-H's words")
	c.Flags().StringVar(&o.Dir, "dir", "", "folder on the disk to be measured; default the system's for temporary files")
	return c
}

// printParts prints what a figure is made of.
func printParts(out io.Writer, r bench.Result) {
	if len(r.Parts) == 0 {
		return
	}
	fmt.Fprintf(out, "%-6s %10s %10s %7s %8s\n", r.Name, "biwa ms", "peer ms", "ratio", "rows")
	for _, p := range r.Parts {
		equal := "equal"
		if !p.Equal {
			equal = "DIFFERENT"
		}
		fmt.Fprintf(out, "%-6s %10.1f %10.1f %7.2f %8d %s\n", p.Name, p.Ours, p.Peer, p.Ratio, p.Rows, equal)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Details)) {
		fmt.Fprintf(out, "%s %.3g\n", strings.ReplaceAll(name, "_", " "), r.Details[name])
	}
}
