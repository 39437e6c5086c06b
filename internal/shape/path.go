package shape

import (
	"fmt"
	"strconv"
	"strings"
)

// step is one step of a path into a record: a member's name, or the index of an
// array's element.
type step struct {
	name  string
	index int // -1 for a member
}

// parsePath reads a from: log.items[0]."odd name".
func parsePath(text string) ([]step, error) {
	var path []step
	rest := text
	for first := true; rest != ""; first = false {
		var s step
		var err error
		switch {
		case rest[0] == '[':
			s, rest, err = indexStep(rest)
			if err == nil && first {
				err = fmt.Errorf("a record is an object: a path starts with a field's name")
			}
		case first || rest[0] == '.':
			if !first {
				rest = rest[1:]
			}
			s, rest, err = nameStep(rest)
		default:
			err = fmt.Errorf("expected . or [ before %q", rest)
		}
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", text, err)
		}
		path = append(path, s)
	}
	if len(path) == 0 {
		return nil, fmt.Errorf("an empty path")
	}
	return path, nil
}

func nameStep(rest string) (step, string, error) {
	if strings.HasPrefix(rest, `"`) {
		end := strings.IndexByte(rest[1:], '"')
		if end < 0 {
			return step{}, "", fmt.Errorf("a double quote without its pair")
		}
		return step{name: rest[1 : 1+end], index: -1}, rest[2+end:], nil
	}
	end := strings.IndexAny(rest, ".[")
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		return step{}, "", fmt.Errorf("a field's name is missing")
	}
	return step{name: rest[:end], index: -1}, rest[end:], nil
}

func indexStep(rest string) (step, string, error) {
	end := strings.IndexByte(rest, ']')
	if end < 0 {
		return step{}, "", fmt.Errorf("[ without ]")
	}
	n, err := strconv.Atoi(rest[1:end])
	if err != nil || n < 0 {
		return step{}, "", fmt.Errorf("[%s]: want the number of an element, counted from 0", rest[1:end])
	}
	return step{index: n}, rest[end+1:], nil
}
