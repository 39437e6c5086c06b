package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/flow/answer"
	"github.com/biwa-data/biwa/internal/flow/asl"
	"github.com/biwa-data/biwa/internal/flow/diagram"
	"github.com/biwa-data/biwa/internal/flow/value"
	"github.com/biwa-data/biwa/internal/svg"
)

func newFlowTry() *cobra.Command {
	t := &trial{kind: kindFlag(asl.Standard)}
	c := &cobra.Command{Use: "try FILE", Short: "Run a state machine in virtual time, its tasks answered from a file",
		Long: `Runs a definition (JSON or YAML) to its end. Time is virtual: a Wait of a week ends
at once. Tasks are answered by the rules of a YAML file; the first that matches:

  - match: {state: Fetch}                # or {resource: "arn:aws:lambda:*"}; * is any text
    answers: [{error: Busy, cause: try later}, {delay: 5s, output: {rows: 3}}]
  - match: {resource: "arn:aws:states:::lambda:invoke*"}
    exec: [python3, answer.py]           # the task on stdin, the answer on stdout
  - match: {resource: "*"}
    echo: true                           # the input is the output

Prints the events as they happen, the waits of each Retry, then status and output.
Exit 1 if the execution failed, 2 if a file has a mistake.`,
		Example: "  biwa flow try order.asl.yaml --input '{\"id\": 7}' --tasks tasks.yaml\n  biwa flow try order.asl.yaml --input order.json --tasks tasks.yaml --svg order.svg",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.file, t.out = args[0], cmd.OutOrStdout()
			return t.run(cmd.Context(), cmd.ErrOrStderr())
		}}
	f := c.Flags()
	f.StringVar(&t.input, "input", "{}", "`FILE` with the execution's input, or the JSON itself; - is standard input")
	f.StringVar(&t.tasks, "tasks", "", "`FILE` with the rules that answer tasks")
	f.StringVar(&t.objects, "objects", "", "`DIR` whose DIR/bucket/key are the objects of ItemReader and ResultWriter")
	f.StringVar(&t.svg, "svg", "", "`FILE` for a drawing of the machine with the way taken")
	f.Var(&t.kind, "type", "of the state machine: STANDARD or EXPRESS")
	f.Uint64Var(&t.seed, "seed", 1, "of jitter, States.UUID and random numbers")
	f.StringVar(&t.start, "start", "2026-01-01T00:00:00Z", "`TIME` at which the execution starts")
	f.BoolVar(&t.json, "json", false, "print one object: status, output or error and cause, events")
	return c
}

// trial is one call of flow try.
type trial struct {
	file, input, tasks, objects, svg, start string
	kind                                    kindFlag
	seed                                    uint64
	json                                    bool
	out                                     io.Writer
}

func (t *trial) run(ctx context.Context, stderr io.Writer) error {
	d, err := t.definition()
	if err != nil {
		return err
	}
	input, err := jsonArgument("input", t.input)
	if err != nil {
		return err
	}
	if _, err := value.Parse(input); err != nil {
		return usagef("--input: %w", err)
	}
	options := asl.RunOptions{Seed: t.seed, Machine: machineName(t.file)}
	if options.Start, err = time.Parse(time.RFC3339, t.start); err != nil {
		return usagef("--start %q is no time; write it as 2026-01-01T00:00:00Z", t.start)
	}
	rules, err := t.rules(ctx)
	if err != nil {
		return err
	}
	if rules != nil {
		options.Tasks = rules
	}
	if t.objects != "" {
		options.Objects = folderObjects(t.objects)
	}
	if !t.json {
		options.Observe = func(e asl.HistoryEvent) { printEvent(t.out, options.Start, &e) }
	}
	outcome, err := asl.Run(d, input, options)
	if err != nil {
		return fmt.Errorf("try %s: %w", t.file, err)
	}
	if err := t.report(d, outcome); err != nil {
		return err
	}
	if rules != nil && rules.Err() != nil {
		return fmt.Errorf("%s: %w", t.tasks, rules.Err())
	}
	if outcome.Status == asl.Succeeded {
		return nil
	}
	if t.tasks == "" && !t.json && outcome.Error == asl.ErrorTaskFailed {
		fmt.Fprintln(stderr, "biwa: nothing answers tasks; --tasks FILE gives rules that do (biwa flow try --help)")
	}
	return &exitError{code: exitFailed}
}

// definition reads the state machine; its mistakes are printed as flow validate prints them.
func (t *trial) definition() (*asl.Definition, error) {
	text, err := readText(t.file)
	if err != nil {
		return nil, err
	}
	d, mistakes := asl.Parse(text, asl.Kind(t.kind))
	if len(mistakes) > 0 {
		var list strings.Builder
		printMistakes(&list, t.file, mistakes)
		return nil, &exitError{exitUsage, fmt.Errorf("%d %s:\n%s", len(mistakes), plural(len(mistakes), "mistake", "mistakes"), strings.TrimSuffix(list.String(), "\n"))}
	}
	return d, nil
}

// rules reads the file of --tasks; nil without one. Its commands run in its folder.
func (t *trial) rules(ctx context.Context) (*answer.Rules, error) {
	if t.tasks == "" {
		return nil, nil
	}
	text, err := readText(t.tasks)
	if err != nil {
		return nil, err
	}
	rules, mistakes := answer.Parse(text)
	if len(mistakes) > 0 {
		list := make([]string, len(mistakes))
		for i, m := range mistakes {
			list[i] = t.tasks + ":" + m.String()
		}
		return nil, &exitError{exitUsage, fmt.Errorf("%d %s:\n%s", len(mistakes), plural(len(mistakes), "mistake", "mistakes"), strings.Join(list, "\n"))}
	}
	return rules.In(ctx, filepath.Dir(t.tasks)), nil
}

// report prints how the run ended and draws it.
func (t *trial) report(d *asl.Definition, o *asl.Outcome) error {
	if t.svg != "" {
		if err := os.WriteFile(t.svg, svg.GraphFile(diagram.Of(machineName(t.file), d, o)), 0o644); err != nil {
			return err
		}
	}
	if t.json {
		return printJSON(t.out, outcomeJSON(o))
	}
	printOutcome(t.out, o)
	return nil
}

// outcomeJSON is the outcome as --json prints it; events have the shape of GetExecutionHistory.
func outcomeJSON(o *asl.Outcome) *value.Object {
	object := value.ObjectOf("status", string(o.Status))
	if o.Status == asl.Succeeded {
		object.Set("output", o.Output)
	}
	if o.Error != "" {
		object.Set("error", o.Error)
	}
	if o.Cause != "" {
		object.Set("cause", o.Cause)
	}
	events := make([]any, len(o.History))
	for i := range o.History {
		events[i] = o.History[i].JSON()
	}
	object.Set("events", events)
	return object
}

// machineName is a file's name without what says that it is a definition.
func machineName(file string) string {
	name := filepath.Base(file)
	for _, suffix := range []string{".json", ".yaml", ".yml", ".asl"} {
		name = strings.TrimSuffix(name, suffix)
	}
	if name == "" || name == "-" || name == "." {
		return "machine"
	}
	return name
}

var errNoObject = errors.New("an object's bucket and key stay inside --objects")
