package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/flow/asl"
)

func newFlow() *cobra.Command {
	c := &cobra.Command{Use: "flow", Short: "Check and try state machines of the Amazon States Language"}
	c.AddCommand(newFlowValidate(), newFlowTry(), newFlowEval())
	onlyCommands(c)
	return c
}

// kindFlag is the type of a state machine as a flag.
type kindFlag asl.Kind

func (k *kindFlag) String() string { return string(*k) }
func (k *kindFlag) Type() string   { return "TYPE" }
func (k *kindFlag) Set(text string) error {
	switch kind := asl.Kind(strings.ToUpper(text)); kind {
	case asl.Standard, asl.Express:
		*k = kindFlag(kind)
		return nil
	}
	return fmt.Errorf("there are STANDARD and EXPRESS")
}

func newFlowValidate() *cobra.Command {
	kind, asJSON := kindFlag(asl.Standard), false
	c := &cobra.Command{Use: "validate FILE...", Short: "Find every mistake in definitions, with its place",
		Long:    "Reads definitions in JSON or YAML and prints each mistake as file:line:column with\nthe code and the wording of Step Functions. - is standard input. Exit 2 if there is a mistake.",
		Example: "  biwa flow validate flows/*.asl.yaml\n  biwa flow validate --type EXPRESS order.asl.json",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return validate(cmd.OutOrStdout(), args, asl.Kind(kind), asJSON)
		}}
	c.Flags().Var(&kind, "type", "of the state machines: STANDARD or EXPRESS")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// validated is one file in the JSON that validate prints.
type validated struct {
	File     string          `json:"file"`
	OK       bool            `json:"ok"`
	States   int             `json:"states"`
	Mistakes []placedMistake `json:"mistakes"`
}

type placedMistake struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Path    string `json:"path,omitempty"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
}

func validate(out io.Writer, files []string, kind asl.Kind, asJSON bool) error {
	var all []validated
	total := 0
	for _, name := range files {
		text, err := readText(name)
		if err != nil {
			return err
		}
		d, mistakes := asl.Parse(text, kind)
		one := validated{File: name, OK: len(mistakes) == 0, States: states(d), Mistakes: []placedMistake{}}
		for _, m := range mistakes.ByPlace() {
			one.Mistakes = append(one.Mistakes, placedMistake{m.Code, m.Message, m.Path, m.Line, m.Column})
		}
		total += len(mistakes)
		all = append(all, one)
		if asJSON {
			continue
		}
		printMistakes(out, name, mistakes)
		if one.OK {
			fmt.Fprintf(out, "%s: %d %s, no mistake\n", name, one.States, plural(one.States, "state", "states"))
		}
	}
	if asJSON {
		if err := printJSON(out, map[string]any{"ok": total == 0, "files": all}); err != nil {
			return err
		}
	}
	if total > 0 {
		return &exitError{exitUsage, fmt.Errorf("%d %s", total, plural(total, "mistake", "mistakes"))}
	}
	return nil
}

func printMistakes(out io.Writer, name string, mistakes asl.Mistakes) {
	for _, m := range mistakes.ByPlace() {
		fmt.Fprintf(out, "%s:%d:%d: %s\n", name, max(m.Line, 1), max(m.Column, 1), m)
	}
}

// states is how many states a definition has, those inside others too.
func states(d *asl.Definition) int {
	n := 0
	if d != nil {
		for _, m := range d.Machines {
			n += len(m.States)
		}
	}
	return n
}

// readText reads a file, - for standard input.
func readText(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

// jsonArgument is what a flag gives: JSON itself, or a file with it.
func jsonArgument(flag, argument string) ([]byte, error) {
	if argument == "-" {
		return io.ReadAll(os.Stdin)
	}
	trimmed := strings.TrimSpace(argument)
	if trimmed != "" && strings.ContainsRune(`{["`, rune(trimmed[0])) {
		return []byte(argument), nil
	}
	text, err := os.ReadFile(argument)
	if err != nil {
		if json.Valid([]byte(trimmed)) { // a number, true, false or null
			return []byte(trimmed), nil
		}
		return nil, usagef("--%s is JSON or a file with it: %w", flag, err)
	}
	return text, nil
}
