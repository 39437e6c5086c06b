package asl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/flow/value"
)

const (
	maxDefinitionBytes = 1 << 20 // AWS's own limit of a definition
	maxDefinitionDepth = 100
	maxDefinitionNodes = 200_000 // aliases of YAML count each time they are used
)

// node is a value of the definition's text with the places of its parts.
type node struct {
	line, column int
	value        any
	names        []name  // of an object
	items        []*node // of an object or array
}

// name is the name of a member and its place.
type name struct {
	text         string
	line, column int
}

// member gives the member called text.
func (n *node) member(text string) *node {
	for i := range n.names {
		if n.names[i].text == text {
			return n.items[i]
		}
	}
	return nil
}

func (n *node) isObject() bool { _, ok := n.value.(*value.Object); return ok }
func (n *node) isArray() bool  { _, ok := n.value.([]any); return ok }

// syntaxError is a text that is neither JSON nor YAML, at a place.
type syntaxError struct {
	line, column int
	message      string
}

func (e *syntaxError) Error() string { return e.message }

// readDocument reads JSON, or YAML if the text does not begin as a JSON object does.
func readDocument(text []byte) (*node, *syntaxError) {
	if len(text) > maxDefinitionBytes {
		return nil, &syntaxError{1, 1, fmt.Sprintf("Definition is %d bytes long, at most %d are allowed", len(text), maxDefinitionBytes)}
	}
	trimmed := bytes.TrimLeft(text, " \t\r\n\ufeff")
	if len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[' || trimmed[0] == '"') {
		s := &jsonScanner{text: text, line: 1}
		return s.document()
	}
	return readYAML(text)
}

// jsonScanner reads RFC 8259 JSON and remembers where everything stands.
type jsonScanner struct {
	text      []byte
	at        int
	line      int
	lineStart int
	nodes     int
}

func (s *jsonScanner) document() (*node, *syntaxError) {
	s.text = bytes.TrimPrefix(s.text, []byte("\ufeff"))
	s.space()
	n, err := s.value(0)
	if err != nil {
		return nil, err
	}
	s.space()
	if s.at < len(s.text) {
		return nil, s.fail("unexpected text after the definition")
	}
	return n, nil
}

func (s *jsonScanner) fail(message string) *syntaxError {
	return &syntaxError{s.line, s.at - s.lineStart + 1, message}
}

func (s *jsonScanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case '\n':
			s.at++
			s.line, s.lineStart = s.line+1, s.at
		case ' ', '\t', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *jsonScanner) value(depth int) (*node, *syntaxError) {
	if s.nodes++; s.nodes > maxDefinitionNodes {
		return nil, s.fail(fmt.Sprintf("more than %d values", maxDefinitionNodes))
	}
	if depth > maxDefinitionDepth {
		return nil, s.fail(fmt.Sprintf("nested more than %d levels deep", maxDefinitionDepth))
	}
	n := &node{line: s.line, column: s.at - s.lineStart + 1}
	if s.at >= len(s.text) {
		return nil, s.fail("the text ends where a value should be")
	}
	var err *syntaxError
	switch c := s.text[s.at]; {
	case c == '{':
		err = s.object(n, depth)
	case c == '[':
		err = s.array(n, depth)
	case c == '"':
		n.value, err = s.string()
	case c == '-' || c >= '0' && c <= '9':
		n.value, err = s.number()
	default:
		n.value, err = s.word()
	}
	return n, err
}

func (s *jsonScanner) object(n *node, depth int) *syntaxError {
	s.at++
	object := value.NewObject(4)
	n.value = object
	for first := true; ; first = false {
		s.space()
		if s.at < len(s.text) && s.text[s.at] == '}' && first {
			s.at++
			return nil
		}
		if s.at >= len(s.text) || s.text[s.at] != '"' {
			return s.fail(`a name in double quotes should be here`)
		}
		place := name{line: s.line, column: s.at - s.lineStart + 1}
		text, err := s.string()
		if err != nil {
			return err
		}
		place.text = text
		s.space()
		if s.at >= len(s.text) || s.text[s.at] != ':' {
			return s.fail(fmt.Sprintf("a colon should be here, after the name %q", text))
		}
		s.at++
		s.space()
		item, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		n.set(place, item)
		s.space()
		if done, err := s.closed('}'); done || err != nil {
			return err
		}
	}
}

// set adds a member; of two with one name the last counts, at the place of the first.
func (n *node) set(place name, item *node) {
	object := n.value.(*value.Object)
	if _, twice := object.Get(place.text); twice {
		for i := range n.names {
			if n.names[i].text == place.text {
				n.items[i] = item
			}
		}
	} else {
		n.names, n.items = append(n.names, place), append(n.items, item)
	}
	object.Set(place.text, item.value)
}

func (s *jsonScanner) array(n *node, depth int) *syntaxError {
	s.at++
	items := []any{}
	for first := true; ; first = false {
		s.space()
		if s.at < len(s.text) && s.text[s.at] == ']' && first {
			s.at++
			break
		}
		item, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		n.items, items = append(n.items, item), append(items, item.value)
		s.space()
		done, err := s.closed(']')
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	n.value = items
	return nil
}

// closed reads the comma or the closing bracket after an item.
func (s *jsonScanner) closed(bracket byte) (bool, *syntaxError) {
	if s.at < len(s.text) {
		switch s.text[s.at] {
		case bracket:
			s.at++
			return true, nil
		case ',':
			s.at++
			return false, nil
		}
	}
	return false, s.fail(fmt.Sprintf("a comma or %q should be here", bracket))
}

func (s *jsonScanner) string() (string, *syntaxError) {
	start := s.at
	for s.at++; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.unquote(start)
		case c == '\\':
			s.at++
		case c < 0x20:
			return "", s.fail("a control character in a string must be escaped")
		}
	}
	s.at = start
	return "", s.fail("the string has no end")
}

func (s *jsonScanner) unquote(start int) (string, *syntaxError) {
	raw := s.text[start:s.at]
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		s.at = start
		return "", s.fail("the string has an escape that JSON does not know")
	}
	return text, nil
}

func (s *jsonScanner) number() (any, *syntaxError) {
	start := s.at
	for s.at < len(s.text) && bytes.IndexByte([]byte("+-.eE0123456789"), s.text[s.at]) >= 0 {
		s.at++
	}
	literal := s.text[start:s.at]
	if !json.Valid(literal) {
		s.at = start
		return nil, s.fail(fmt.Sprintf("%s is not a number of JSON", literal))
	}
	return value.Number(json.Number(literal)), nil
}

func (s *jsonScanner) word() (any, *syntaxError) {
	for word, v := range map[string]any{"true": true, "false": false, "null": nil} {
		if bytes.HasPrefix(s.text[s.at:], []byte(word)) {
			s.at += len(word)
			return v, nil
		}
	}
	return nil, s.fail("no value of JSON begins like this")
}
