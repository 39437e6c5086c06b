package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// load reads and checks a project; its mistakes are a usage error that lists them.
func load(ctx context.Context, dir string) (*project.Project, error) {
	p, problems := project.Load(dir, os.LookupEnv)
	bound, err := bind(ctx, p)
	if err != nil {
		return nil, err
	}
	if problems = append(problems, bound...); len(problems) > 0 {
		return nil, &exitError{exitUsage, fmt.Errorf("%d %s in %s:\n%w", len(problems), plural(len(problems), "mistake", "mistakes"), dir, problems)}
	}
	return p, nil
}

// bind has DuckDB check the project's SQL; without SQL it need not start.
func bind(ctx context.Context, p *project.Project) (project.Problems, error) {
	if !hasSQL(p) {
		return nil, nil
	}
	root, err := os.MkdirTemp("", "biwa-check-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(root)
	e, err := engine.Open(ctx, world.NewStore(), engine.Options{Root: root, Location: p.Location, Limits: engine.Limits{MemoryLimitBytes: 256 << 20}, Threads: 1})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return p.Bind(ctx, binder{e}), nil
}

func hasSQL(p *project.Project) bool {
	for _, d := range p.Streams {
		if d.Filter != "" {
			return true
		}
		for _, c := range d.Columns {
			if c.Expr != "" {
				return true
			}
		}
	}
	return false
}

// binder gives the engine's errors their place for the project.
type binder struct{ engine *engine.Engine }

func (b binder) Bind(ctx context.Context, schema record.Schema, expr string) (record.Type, error) {
	t, err := b.engine.Bind(ctx, schema, expr)
	var placed *engine.SQLError
	if errors.As(err, &placed) {
		suggestion := ""
		if placed.Suggestion != "" {
			suggestion = fmt.Sprintf("did you mean %q?", placed.Suggestion)
		}
		return t, &project.BindError{Line: placed.Line, Column: placed.Column, Message: placed.Message, Suggestion: suggestion}
	}
	return t, err
}

// forNode is the project as a node with these flags runs it.
func (f *serverFlags) forNode(p *project.Project) (app.Project, error) {
	streams := p.Streams
	for name, d := range streams {
		if d.Retention.Raw == 0 {
			d.Retention.Raw = p.Config.Archive.Retention
			streams[name] = d
		}
	}
	keys, err := accessKeys(p.Config)
	if err != nil {
		return app.Project{}, err
	}
	proxies, err := trustedProxies(p.Config)
	if err != nil {
		return app.Project{}, err
	}
	project := app.Project{Name: p.Config.Name, Location: p.Location, Streams: streams, Seeds: p.Seeds, Sources: map[string]app.Source{},
		Limit: limits(p.Config), Keys: keys, Proxies: proxies, Settings: f.settings(p.Config)}
	for name, source := range p.Sources {
		project.Sources[name] = source
	}
	if p.Written != nil {
		project.Config = p.Written
	}
	return project, nil
}

func limits(c project.Config) app.Limits {
	l := c.Limits
	return app.Limits{BodyBytes: int64(l.Body), InFlightBytes: int64(l.InFlight), JournalBytes: int64(l.Journal), RecentBytes: int64(l.Recent),
		MemoryBytes: int64(l.Memory), TempBytes: int64(l.Temp), DiskReserve: int64(l.DiskReserve), HeavyQueries: l.HeavyQueries, QueueLength: l.Queue,
		QueryTime: time.Duration(l.QueryTime), IdleRead: time.Duration(l.IdleRead), IdempotencyWindow: time.Duration(c.Idempotency.Window), FlushBytes: int64(c.Flush.Size), FlushAge: time.Duration(c.Flush.Age),
		EvolveColumns: l.EvolveColumns}
}

func either(flag, configured string) string {
	if flag != "" {
		return flag
	}
	return configured
}

func newInit() *cobra.Command {
	var name string
	c := &cobra.Command{Use: "init [DIR]", Short: "Write a starter project", Args: cobra.MaximumNArgs(1), Example: "  biwa init shop && cd shop && biwa up",
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			written, err := project.Init(dir, name)
			if err != nil {
				return err
			}
			for _, file := range written {
				fmt.Fprintln(cmd.OutOrStdout(), "wrote", file)
			}
			start := "biwa up"
			if folder := strings.TrimPrefix(filepath.Clean(dir), "./"); folder != "." {
				start += " " + folder
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\nStart it with: %s\n", start)
			return nil
		}}
	c.Flags().StringVar(&name, "name", "", "of the project; default the folder's")
	return c
}

func newCheck() *cobra.Command {
	var asJSON bool
	f := &serverFlags{}
	c := &cobra.Command{Use: "check [DIR]", Short: "Find every mistake in a project, with its place", Args: cobra.MaximumNArgs(1),
		Long: `Prints each mistake as file:line:column and, where there is one, the nearest right
word. SQL expressions are bound for real. Where the project has a data folder, also
while a node runs on it, what a start or a reload would change in its tables is
printed, and what they cannot take is a mistake. Exit 2 if there is a mistake.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			p, problems := project.Load(dir, os.LookupEnv)
			bound, err := bind(cmd.Context(), p)
			if err != nil {
				return err
			}
			problems = append(problems, bound...)
			var changes []string
			if len(problems) == 0 {
				if problems, changes, err = f.foresee(cmd.Context(), dir, p); err != nil {
					return err
				}
			}
			if asJSON {
				answer := map[string]any{"ok": len(problems) == 0, "problems": append(project.Problems{}, problems...), "changes": append([]string{}, changes...)}
				if err := printJSON(cmd.OutOrStdout(), answer); err != nil {
					return err
				}
			} else {
				for _, problem := range problems {
					fmt.Fprintln(cmd.OutOrStdout(), problem)
				}
				for _, change := range changes {
					fmt.Fprintln(cmd.OutOrStdout(), change)
				}
			}
			if len(problems) > 0 {
				return &exitError{exitUsage, fmt.Errorf("%d %s", len(problems), plural(len(problems), "mistake", "mistakes"))}
			}
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d %s, no mistake\n", p.Config.Name, len(p.Streams), plural(len(p.Streams), "stream", "streams"))
			}
			return nil
		}}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringVar(&f.data, "data", "", "data folder to compare with; default: storage.data of biwa.yaml, or data in the project folder")
	return c
}

// foresee compares a project without mistakes with its data folder.
func (f *serverFlags) foresee(ctx context.Context, dir string, p *project.Project) (project.Problems, []string, error) {
	forNode, err := f.forNode(p)
	if err != nil {
		return nil, nil, err
	}
	found, err := app.Foresee(ctx, f.folder(dir, p.Config.Storage.Data), forNode)
	var problems project.Problems
	for _, m := range found.Mistakes {
		problems = append(problems, project.Problem{File: m.File, Line: m.Line, Column: m.Column, Message: m.Message})
	}
	return problems, found.Changes, err
}

func newSchema() *cobra.Command {
	return &cobra.Command{Use: "schema [" + strings.Join(project.Kinds(), "|") + "]", Short: "Print the JSON Schema of a project file, for editors", Args: cobra.MaximumNArgs(1), ValidArgs: project.Kinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			kind := "stream"
			if len(args) > 0 {
				kind = args[0]
			}
			text, err := project.Schema(kind)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(text)
			return err
		}}
}
