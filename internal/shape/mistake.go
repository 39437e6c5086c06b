package shape

import (
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/nearest"
)

// Mistake is something wrong with a definition.
type Mistake struct {
	// Path is where: keys and indexes as in columns[2].type, "" for the whole.
	// A path to a key that is not there stands for the nearest thing above it.
	Path       string
	Message    string
	Suggestion string // "" where there is none
}

func (m Mistake) String() string {
	s := m.Message
	if m.Path != "" {
		s = m.Path + ": " + s
	}
	if m.Suggestion != "" {
		s += "; " + m.Suggestion
	}
	return s
}

// Mistakes is all that is wrong with a definition.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i := range m {
		lines[i] = m[i].String()
	}
	return strings.Join(lines, "\n")
}

// add notes a mistake.
func (m *Mistakes) add(path, suggestion, format string, args ...any) {
	*m = append(*m, Mistake{Path: path, Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// didYouMean suggests the nearest of the words, or names them all if they are few.
func didYouMean(word string, words []string) string {
	if near := nearest.Word(word, words); near != "" {
		return fmt.Sprintf("did you mean %s?", near)
	}
	if len(words) > 0 && len(words) <= 12 {
		return "write one of " + strings.Join(words, ", ")
	}
	return ""
}
