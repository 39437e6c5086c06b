package main

import (
	"slices"
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
