package project

import "strings"

// Source is a file of a project as it was read, and where its keys stand.
type Source struct {
	text string
	doc  *document
}

// File is the file's name, relative to the project.
func (s *Source) File() string { return s.doc.file }

// Text is all of the file.
func (s *Source) Text() string { return s.text }

// Find is where a path such as columns[2].one_of stands: its key, or its value where
// it has no key of its own. Where the file does not have it, it is the nearest above
// it, which found names; found is "" where none is.
func (s *Source) Find(path string) (line, column int, found string) {
	for path != "" {
		if at := s.doc.keys[path]; at != nil {
			return at.Line, at.Column, path
		}
		if n := s.doc.values[path]; n != nil {
			at := nodeStart(n)
			return at.Line, at.Column, path
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 0, 0, ""
}
