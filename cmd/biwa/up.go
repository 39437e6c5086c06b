package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/project"
)

// serverFlags are the flags of commands that run a node.
type serverFlags struct {
	data, http, aws, postgres string
	verbose                   bool
}

func (f *serverFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.data, "data", "", "data folder; default: storage.data of biwa.yaml, or data in the project folder")
	c.Flags().StringVar(&f.http, "http", "", "address of console and API; default 127.0.0.1:2492")
	c.Flags().StringVar(&f.aws, "aws", "", "address of the AWS endpoint; default 127.0.0.1:4566")
	c.Flags().StringVar(&f.postgres, "postgres", "", "address of the PostgreSQL door, which is not built yet: nothing listens there")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "log more")
}

func (f *serverFlags) logger() *slog.Logger {
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

func newUp() *cobra.Command {
	f := &serverFlags{}
	var watch bool
	c := &cobra.Command{Use: "up [DIR]", Short: "Run the project in DIR, by default this folder", Args: cobra.MaximumNArgs(1),
		Long: `Runs until SIGTERM or Ctrl-C, which drain it: what was accepted is committed first.
SIGHUP, biwa reload, or POST /v1/reload applies the folder as it is then, all or nothing;
--watch does so within a second after a file was saved.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			var saves *project.Watcher // from before the first reading: no save is missed
			if watch {
				var err error
				if saves, err = project.NewWatcher(dir); err != nil {
					return err
				}
				defer saves.Close()
			}
			s, err := f.server(cmd, dir)
			if err != nil {
				return err
			}
			s.saves = saves
			if err := s.start(cmd.Context()); err != nil {
				return err
			}
			s.announce()
			s.announceLogin(cmd.Context())
			err = s.wait(cmd.Context())
			fmt.Fprintln(s.out, "draining…")
			if stopped := s.stop(); err != nil || stopped != nil {
				fmt.Fprintln(s.out, unfinished)
				return errors.Join(err, stopped)
			}
			fmt.Fprintln(s.out, "stopped: everything that was accepted is safe on disk")
			return nil
		}}
	f.add(c)
	c.Flags().BoolVar(&watch, "watch", false, "apply the project whenever a file of it is saved")
	return c
}

// folder is where the node keeps its data.
func (f *serverFlags) folder(dir, configured string) string {
	switch {
	case f.data != "":
		return f.data
	case configured == "":
		return filepath.Join(dir, "data")
	case filepath.IsAbs(configured):
		return configured
	}
	return filepath.Join(dir, configured)
}
