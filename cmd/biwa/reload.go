package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/serve/api"
)

func newReload() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "reload", Short: "Have the running node apply its project folder as it is now", Args: cobra.NoArgs,
		Long: "All or nothing: with a mistake in the folder nothing changes, and the exit code is 2.\nbiwa check says before what would change."}
	cl := clientFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var a api.ReloadAnswer
		if err := cl.call(cmd.Context(), http.MethodPost, "/v1/reload", nil, &a); err != nil {
			return reloadRefused(err)
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), a)
		}
		printReload(cmd.OutOrStdout(), a)
		return nil
	}
	return c
}

// reloadRefused makes a usage error of a folder that the node does not take.
func reloadRefused(err error) error {
	var answer *problemError
	if !errors.As(err, &answer) || answer.Status != http.StatusBadRequest && answer.Status != http.StatusConflict {
		return err
	}
	return usagef("reload refused, the node runs on as before:\n%w", err)
}

func printReload(out io.Writer, a api.ReloadAnswer) {
	if len(a.Changed) == 0 && len(a.Settings) == 0 {
		fmt.Fprintln(out, "reloaded: nothing has changed")
	}
	for _, c := range a.Changed {
		if c.Change == "removed" {
			fmt.Fprintf(out, "reloaded: stream %s removed; its table stays\n", c.Stream)
			continue
		}
		fmt.Fprintf(out, "reloaded: stream %s %s, definition %d holds from sequence number %d\n", c.Stream, c.Change, c.Generation, c.Since)
		for _, column := range c.Columns {
			fmt.Fprintf(out, "reloaded: stream %s: %s\n", c.Stream, column)
		}
	}
	for _, c := range a.Settings {
		fmt.Fprintf(out, "reloaded: %s %s\n", c.Key, inWords(c))
	}
	for _, key := range a.Restart {
		fmt.Fprintf(out, "needs a restart: %s\n", key)
	}
}
