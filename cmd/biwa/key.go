package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/serve/api"
)

func newKey() *cobra.Command {
	c := &cobra.Command{Use: "key", Short: "Make, list and revoke public keys, for pages and apps",
		Long: `A public key stands in a page or an app for everyone to read. It can write to its
one stream, from the pages it is for, at its rate, and do nothing else.

Keys made here are kept in the node's metadata, and a change holds at once. Keys
of the other scopes, and public ones if you like, stand in biwa.yaml.`}
	c.AddCommand(newKeyCreate(), newKeyList(), newKeyRevoke())
	onlyCommands(c)
	return c
}

func newKeyCreate() *cobra.Command {
	var r api.KeyRequest
	var asJSON bool
	c := &cobra.Command{Use: "create NAME --stream STREAM", Short: "Make a public key and print it, this once", Args: cobra.ExactArgs(1),
		Example: "  biwa key create website --stream page_views --origin https://www.example.com\n  biwa key create app --stream actions --rate 50"}
	cl := clientFlags(c)
	c.Flags().StringVar(&r.Stream, "stream", "", "the stream it writes to (required)")
	c.Flags().StringArrayVar(&r.Origins, "origin", nil, "pages it works on: https://www.example.com, https://*.example.com, or * for every page; may be given several times; without it only apps and servers")
	c.Flags().IntVar(&r.Rate, "rate", 0, "records a second it brings at most; default 500")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if r.Stream == "" {
			return usagef("name the stream the key writes to with --stream")
		}
		r.Name = args[0]
		var made api.NewKey
		if err := cl.call(cmd.Context(), http.MethodPost, "/v1/keys", r, &made); err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), made)
		}
		printNewKey(cmd.OutOrStdout(), cl.base, made)
		return nil
	}
	return c
}

func printNewKey(out io.Writer, base string, k api.NewKey) {
	fmt.Fprintf(out, "%s\n\n", k.Key)
	fmt.Fprintf(out, "It writes to %s, at most %d records a second. It is kept as a hash: this is the only time it is shown.\n", k.Stream, k.Rate)
	if len(k.Origins) == 0 {
		fmt.Fprintln(out, "It is for no page, only for apps and servers: --origin names pages.")
	} else {
		fmt.Fprintf(out, "In pages of %s:\n\n  <script src=\"%s/biwa.js\" data-key=\"%s\" defer></script>\n", strings.Join(k.Origins, ", "), strings.TrimRight(base, "/"), k.Key)
	}
	if !k.Dedupe {
		fmt.Fprintf(out, "\nThe stream has no dedupe, so a page's retry is stored twice. In streams/%s.yaml, for biwa.js:\n\n  dedupe: {key: event_id, window: 24h}\n", k.Stream)
	}
}

func newKeyList() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{Use: "ls", Short: "List all keys, without their secrets", Args: cobra.NoArgs}
	cl := clientFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var list api.KeyList
		if err := cl.call(cmd.Context(), http.MethodGet, "/v1/keys", nil, &list); err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), list)
		}
		printKeys(cmd.OutOrStdout(), list.Keys)
		return nil
	}
	return c
}

func printKeys(out io.Writer, keys []api.KeyInfo) {
	if len(keys) == 0 {
		fmt.Fprintln(out, "no keys: whoever reaches this machine's loopback address may do everything")
		return
	}
	t := table.NewWriter()
	t.SetOutputMirror(out)
	t.SetStyle(table.StyleLight)
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(table.Row{"name", "scope", "streams", "origins", "rate", "begins", "where", "made"})
	for _, k := range keys {
		streams, rate, made := strings.Join(k.Streams, " "), "", ""
		if streams == "" {
			streams = "all"
		}
		if k.Rate > 0 {
			rate = strconv.Itoa(k.Rate) + "/s"
		}
		if k.Created != nil {
			made = k.Created.Format("2006-01-02 15:04Z07:00")
		}
		t.AppendRow(table.Row{k.Name, k.Scope, streams, strings.Join(k.Origins, " "), rate, k.Begins, k.Source, made})
	}
	t.Render()
}

func newKeyRevoke() *cobra.Command {
	c := &cobra.Command{Use: "revoke NAME", Short: "Make a key useless, at once", Args: cobra.ExactArgs(1)}
	cl := clientFlags(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if err := cl.call(cmd.Context(), http.MethodDelete, "/v1/keys/"+url.PathEscape(args[0]), nil, nil); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s is revoked\n", args[0])
		return nil
	}
	return c
}
