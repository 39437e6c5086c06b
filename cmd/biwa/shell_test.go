package main

import (
	"slices"
	"strings"
	"testing"
)

func TestLinesThatAreCommandsOfTheShell(t *testing.T) {
	for line, want := range map[string][]string{
		"quit": {`\q`}, "EXIT;": {`\q`}, " help ": {`\?`}, `\q;`: {`\q`}, `\d orders`: {`\d`, "orders"},
		"": nil, "exit_code": nil, "select 1": nil, "help me": nil,
	} {
		if got := shellCommand(line); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestCompletionOfTheShell(t *testing.T) {
	s := &shell{words: []string{"select", "from", "orders", "order_id", "quarantine"}, tables: []string{"orders", "quarantine"}}
	for line, want := range map[string][]string{
		`\`:          {`\d`, `\dt`, `\timing`, `\format`, `\q`, `\?`},
		`\f`:         {`\format`},
		"ex":         {"exit"},
		`\format `:   sqlFormats,
		`\format c`:  {"csv"},
		`\format pa`: {"parquet"},
		`\d `:        {"orders", "quarantine"},
		`\d o`:       {"orders"},
		`\timing o`:  nil,
		"select ":    nil,
		"select ord": {"orders", "order_id"},
		"from q":     {"quarantine"},
		"select QUA": {"quarantine"},
	} {
		head, got, tail := s.complete(line, len(line))
		if !slices.Equal(got, want) || tail != "" || len(got) > 0 && !strings.HasPrefix(line, head) {
			t.Errorf("%q: %q after %q, want %q", line, got, head, want)
		}
	}
	if head, got, tail := s.complete("select o from x", 8); head != "select " || !slices.Equal(got, []string{"orders", "order_id"}) || tail != " from x" {
		t.Errorf("within a line: %q %q %q", head, got, tail)
	}
}
