package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/peterh/liner"

	"github.com/biwa-data/biwa/internal/record"
)

// shell reads statements from a terminal, with history and completion.
type shell struct {
	*querier
	line   *liner.State
	words  []string // to complete: keywords, tables, columns
	tables []string // among them
}

func newShell(q *querier) *shell { return &shell{querier: q} }

var keywords = strings.Fields("select from where group by order limit having join left inner on as and or not in between like is null distinct count sum avg min max case when then else end with union all desc asc cast interval date timestamp current_date now describe show tables explain")

func (s *shell) run(ctx context.Context) error {
	s.line = liner.NewLiner()
	defer s.line.Close()
	s.line.SetCtrlCAborts(true)
	s.line.SetMultiLineMode(true)
	history := historyFile()
	if f, err := os.Open(history); err == nil {
		_, _ = s.line.ReadHistory(f) // a history that does not read is only inconvenient
		f.Close()
	}
	s.learn(ctx)
	s.line.SetWordCompleter(s.complete)
	fmt.Fprintf(s.out, "biwa %s at %s. A statement ends with ; — \\d lists tables, \\q quits.\n", version, s.client.base)
	err := s.loop(ctx)
	if f, openErr := os.OpenFile(history, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600); openErr == nil {
		_, _ = s.line.WriteHistory(f)
		f.Close()
	}
	return err
}

func historyFile() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, ".biwa_history")
}

func (s *shell) loop(ctx context.Context) error {
	var statement strings.Builder
	for ctx.Err() == nil {
		prompt := "biwa> "
		if statement.Len() > 0 {
			prompt = "   …> "
		}
		line, err := s.line.Prompt(prompt)
		if errors.Is(err, liner.ErrPromptAborted) {
			statement.Reset()
			continue
		}
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(s.out)
			return nil
		}
		if err != nil {
			return err
		}
		if words := shellCommand(line); statement.Len() == 0 && words != nil {
			s.line.AppendHistory(line)
			if s.command(ctx, words) {
				return nil
			}
			continue
		}
		statement.WriteString(line + "\n")
		if text := strings.TrimSpace(statement.String()); strings.HasSuffix(text, ";") {
			s.line.AppendHistory(strings.Join(strings.Fields(text), " "))
			s.report(s.querier.run(ctx, strings.TrimSuffix(text, ";")))
			statement.Reset()
		}
	}
	return nil
}

func (s *shell) report(err error) {
	if err != nil {
		fmt.Fprintln(s.out, err)
	}
}

// shellCommand is the command that a line is, nil if it begins a statement. The
// words that other shells end with are commands too; none begins a statement.
func shellCommand(line string) []string {
	words := strings.Fields(line)
	if len(words) == 0 {
		return nil
	}
	if len(words) == 1 {
		switch strings.ToLower(strings.TrimSuffix(words[0], ";")) {
		case "quit", "exit":
			return []string{`\q`}
		case "help":
			return []string{`\?`}
		}
	}
	if strings.HasPrefix(words[0], `\`) {
		words[0] = strings.TrimSuffix(words[0], ";")
		return words
	}
	return nil
}

// command runs a \ command and says whether to quit.
func (s *shell) command(ctx context.Context, words []string) bool {
	switch words[0] {
	case `\q`:
		return true
	case `\d`, `\dt`:
		statement := "SHOW TABLES"
		if len(words) > 1 {
			statement = `SELECT column_name AS "column", column_type AS type FROM (DESCRIBE ` + record.QuoteName(strings.TrimSuffix(words[1], ";")) + ")"
		}
		s.report(s.querier.run(ctx, statement))
	case `\timing`:
		s.timing = !s.timing
	case `\format`:
		before := s.format
		if len(words) > 1 {
			s.format = words[1]
		}
		if err := s.checkFormat(); err != nil {
			s.format = before
			s.report(err)
		}
	default:
		fmt.Fprintln(s.out, `there are \d or \dt, \d NAME, \timing, \format NAME, \? or help, and \q, quit or exit`)
	}
	return false
}

// learn fetches the names of tables and columns; without them only keywords are
// completed.
func (s *shell) learn(ctx context.Context) {
	s.words = slices.Clone(keywords)
	answer, err := s.ask(ctx, "SELECT table_name, column_name FROM information_schema.columns", "json")
	if err != nil {
		return
	}
	defer answer.Body.Close()
	names, err := openAnswer(answer.Body)
	if err != nil {
		return
	}
	for row, err := names.next(); err == nil; row, err = names.next() {
		if table := cellText(row[0]); !slices.Contains(s.tables, table) {
			s.tables = append(s.tables, table)
		}
		for _, cell := range row {
			if name := cellText(cell); !slices.Contains(s.words, name) {
				s.words = append(s.words, name)
			}
		}
	}
}

// shellCommands are what may stand alone on a line.
var shellCommands = []string{`\d`, `\dt`, `\timing`, `\format`, `\q`, `\?`, "quit", "exit", "help"}

// fitting are the words that can stand at the end of a head, before which start stands.
func (s *shell) fitting(start string) []string {
	switch words := strings.Fields(start); {
	case len(words) == 0:
		return slices.Concat(shellCommands, s.words)
	case words[0] == `\format`:
		return sqlFormats
	case words[0] == `\d`, words[0] == `\dt`:
		return s.tables
	case strings.HasPrefix(words[0], `\`):
		return nil
	}
	return s.words
}

func (s *shell) complete(line string, at int) (head string, found []string, tail string) {
	runes := []rune(line)
	head, tail = string(runes[:at]), string(runes[at:])
	start := strings.LastIndexAny(head, " \t(,.=<>\"") + 1
	word := head[start:]
	if word == "" && !strings.HasPrefix(head, `\`) { // in a statement anything may follow
		return head, nil, tail
	}
	for _, w := range s.fitting(head[:start]) {
		if strings.HasPrefix(strings.ToLower(w), strings.ToLower(word)) {
			found = append(found, w)
		}
	}
	return head[:start], found, tail
}
