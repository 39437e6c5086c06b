package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/serve/api"
)

func newTable() *cobra.Command {
	c := &cobra.Command{Use: "table", Short: "Drop the table of a stream that has left the project"}
	c.AddCommand(newTableDrop())
	onlyCommands(c)
	return c
}

func newTableDrop() *cobra.Command {
	var yes, asJSON bool
	c := &cobra.Command{Use: "drop NAME", Short: "Delete a table and its files for good", Args: cobra.ExactArgs(1),
		Long: "The stream must not be in the project any more. What goes is said before: on a terminal\nthe table's name must then be typed, elsewhere --yes is needed. The ledger keeps how many\nrows went, so that it balances; the raw archive and quarantine keep the records. Files are\ndeleted after an hour, when no query reads them. A stream may have the name again."}
	cl := clientFlags(c)
	c.Flags().BoolVar(&yes, "yes", false, "it may be deleted")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		request := api.DropRequest{Table: args[0], Preview: true}
		var a api.DropAnswer
		if !yes {
			if err := cl.call(cmd.Context(), http.MethodPost, "/v1/tables/drop", request, &a); err != nil {
				return err
			}
			if err := confirm(cmd.InOrStdin(), cmd.ErrOrStderr(), a); err != nil {
				return err
			}
		}
		request.Preview = false
		if err := cl.call(cmd.Context(), http.MethodPost, "/v1/tables/drop", request, &a); err != nil {
			return err
		}
		if asJSON {
			return printJSON(cmd.OutOrStdout(), a)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "table %s is dropped: %s\n", a.Table, goesWith(a))
		return nil
	}
	return c
}

// confirm asks for the table's name, where somebody can be asked.
func confirm(in io.Reader, out io.Writer, a api.DropAnswer) error {
	terminal, ok := in.(io.Writer) // a file, as standard input is
	if !ok || !isTerminal(terminal) {
		return usagef("this deletes table %s for good: %s; say --yes to delete it", a.Table, goesWith(a))
	}
	fmt.Fprintf(out, "This deletes table %s for good: %s.\nIts name, to delete it: ", a.Table, goesWith(a))
	line, err := bufio.NewReader(in).ReadString('\n')
	if strings.TrimSpace(line) != a.Table {
		if err == io.EOF {
			fmt.Fprintln(out)
		}
		return usagef("that is not its name: nothing was deleted")
	}
	return nil
}

func goesWith(a api.DropAnswer) string {
	return fmt.Sprintf("%d %s, %d %s, %d bytes", a.Rows, plural(int(a.Rows), "row", "rows"), a.Files, plural(a.Files, "file", "files"), a.Bytes)
}
