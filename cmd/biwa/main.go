// Command biwa is a data platform in one binary: events in, exact SQL out.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // a machine without zones of its own can run a project in any

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/record"
)

// Exit codes, as the help lists them.
const (
	exitFailed     = 1
	exitUsage      = 2
	exitUnbalanced = 3
)

// version is set by the build.
var version = "dev"

// exitError ends the process with a code of its own; its message may be empty.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

func main() { os.Exit(run(os.Args[1:])) }

// run runs one command and returns the exit code.
func run(args []string) int {
	// SIGTERM and Ctrl-C end a command in order; a second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var exit *exitError
	if errors.As(err, &exit) {
		if exit.err != nil {
			fmt.Fprintln(os.Stderr, "biwa:", exit.err)
		}
		return exit.code
	}
	fmt.Fprintln(os.Stderr, "biwa:", err)
	var answer *problemError
	var mistakes app.Mistakes
	if record.KindOf(err) == record.Invalid || errors.As(err, &mistakes) || errors.As(err, &answer) && (answer.Status == http.StatusBadRequest || len(answer.Errors) > 0) {
		return exitUsage
	}
	return exitFailed
}

const longHelp = `Biwa is a data platform in one binary. Events land exactly once in open Apache
Iceberg tables; SQL reads them a quarter of a second later; a ledger proves from
the data itself that nothing was lost or doubled.

  biwa init shop && cd shop    make a project folder
  biwa up                      run it: http://localhost:2492
  biwa sql                     ask it

Exit codes: 0 done, 1 failed, 2 wrong usage or a mistake in the project or in a
statement, 3 the ledger does not balance.`

func newRoot() *cobra.Command {
	root := &cobra.Command{Use: "biwa", Short: "a data platform in one binary", Long: longHelp, SilenceErrors: true, SilenceUsage: true, Version: buildVersion()}
	root.SetVersionTemplate("biwa {{.Version}}\n")
	root.AddGroup(&cobra.Group{ID: "data", Title: "Data:"}, &cobra.Group{ID: "jobs", Title: "Jobs:"}, &cobra.Group{ID: "project", Title: "Project:"}, &cobra.Group{ID: "server", Title: "Server:"})
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			if c.Args == nil && !c.HasSubCommands() {
				c.Args = cobra.NoArgs
			}
			wrapUsage(c)
			root.AddCommand(c)
		}
	}
	add("data", newSend(), newTap(), newSQL(), newLedger(), newTrace(), newQuarantine(), newTable())
	add("jobs", newFlow())
	add("project", newInit(), newCheck(), newSchema())
	add("server", newUp(), newReload(), newDemo(), newKey(), newDoctor(), newRecover(), newBench())
	version := newVersion()
	wrapUsage(version)
	root.AddCommand(version)
	onlyCommands(root)
	return root
}

// onlyCommands makes a command that only has others under it print its help, and
// anything else after it a usage error that names the nearest.
func onlyCommands(c *cobra.Command) {
	c.Args, c.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return c.Help()
		}
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			return usagef("%s has no command %q; did you mean %q?", c.CommandPath(), args[0], near[0])
		}
		return usagef("%s has no command %q: %s --help lists them", c.CommandPath(), args[0], c.CommandPath())
	}
}

// wrapUsage makes a wrong number of arguments a usage error, as exit codes say.
func wrapUsage(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usagef("%w\n\n%s", err, cmd.UsageString())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapUsage(sub)
	}
}

func newVersion() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs, Run: func(cmd *cobra.Command, _ []string) {
		fmt.Fprintln(cmd.OutOrStdout(), "biwa", buildVersion())
	}}
}

func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	return version + " (" + info.GoVersion + ")"
}
