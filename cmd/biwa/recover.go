package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/project"
)

func newRecover() *cobra.Command {
	var f serverFlags
	var yes, asJSON bool
	c := &cobra.Command{Use: "recover [DIR]", Short: "Make a data folder that lacks a part one that a node can start on", Args: cobra.MaximumNArgs(1),
		Long: `A node does not start on a data folder of which a part is missing, or whose parts
are not of one moment: the right answer is the backup. Where there is none, recover
says what is lost with the part, and with --yes goes on without it. The loss is an
incident in the ledger. The node must be stopped.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			p, _ := project.Load(dir, os.LookupEnv) // a mistake elsewhere is no reason not to recover
			data := f.folder(dir, p.Config.Storage.Data)
			losses, err := app.Recover(cmd.Context(), data, !yes, time.Now())
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd.OutOrStdout(), losses)
			}
			out := cmd.OutOrStdout()
			for _, l := range losses {
				switch {
				case l.Final:
					fmt.Fprintf(out, "%s is missing: %s. Only a backup helps.\n", l.Part, l.Meaning)
				case yes:
					fmt.Fprintf(out, "%s was missing and is made anew: %s.\n", l.Part, l.Meaning)
				default:
					fmt.Fprintf(out, "%s is missing: %s. To go on without it: biwa recover --yes\n", l.Part, l.Meaning)
				}
			}
			if len(losses) == 0 {
				fmt.Fprintf(out, "%s: no part is missing\n", data)
			}
			return nil
		}}
	c.Flags().StringVar(&f.data, "data", "", "data folder; default: storage.data of biwa.yaml, or data in the project folder")
	c.Flags().BoolVar(&yes, "yes", false, "do it")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
