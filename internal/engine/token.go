package engine

import "strings"

// span is a piece of a statement's text.
type span struct{ at, end int }

// skipSpace is the offset of the next byte that is neither space nor comment.
func skipSpace(text string, at int) int {
	for at < len(text) {
		switch {
		case strings.IndexByte(" \t\r\n\f\v", text[at]) >= 0:
			at++
		case strings.HasPrefix(text[at:], "--"):
			end := strings.IndexByte(text[at:], '\n')
			if end < 0 {
				return len(text)
			}
			at += end
		case strings.HasPrefix(text[at:], "/*"):
			end := strings.Index(text[at+2:], "*/")
			if end < 0 {
				return len(text)
			}
			at += end + 4
		default:
			return at
		}
	}
	return at
}

// identifier reads the identifier at an offset: its name, unquoted, and its end;
// end is at where there is none.
func identifier(text string, at int) (name string, end int) {
	if at >= len(text) {
		return "", at
	}
	if text[at] != '"' {
		end = at
		for end < len(text) && isWord(text[end]) {
			end++
		}
		return text[at:end], end
	}
	for end = at + 1; end < len(text); end++ {
		if text[end] != '"' {
			continue
		}
		if end+1 < len(text) && text[end+1] == '"' {
			end++
			continue
		}
		return strings.ReplaceAll(text[at+1:end], `""`, `"`), end + 1
	}
	return "", at
}

func isWord(b byte) bool {
	return b == '_' || b == '$' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= 0x80
}

// path finds the dotted names that begin at an offset, nil if the text there is
// not they: then the statement's tree and text do not agree, and nothing there
// is edited.
func path(text string, at int, names ...string) []span {
	var spans []span
	for i, want := range names {
		if i > 0 {
			if at = skipSpace(text, at); at >= len(text) || text[at] != '.' {
				return nil
			}
			at = skipSpace(text, at+1)
		}
		if at < 0 || at > len(text) {
			return nil
		}
		name, end := identifier(text, at)
		if end == at || !strings.EqualFold(name, want) {
			return nil
		}
		spans = append(spans, span{at, end})
		at = end
	}
	return spans
}

// explainPrefix is the length of EXPLAIN and its options at the head of a
// statement, 0 if it is not an EXPLAIN.
func explainPrefix(text string) int {
	word, end := identifier(text, skipSpace(text, 0))
	if !strings.EqualFold(word, "explain") {
		return 0
	}
	if word, after := identifier(text, skipSpace(text, end)); strings.EqualFold(word, "analyze") {
		end = after
	}
	at := skipSpace(text, end)
	if at >= len(text) || text[at] != '(' {
		return end
	}
	// EXPLAIN (FORMAT json, ANALYZE) or EXPLAIN (SELECT 1)
	word, after := identifier(text, skipSpace(text, at+1))
	if !strings.EqualFold(word, "format") && !strings.EqualFold(word, "analyze") {
		return end
	}
	if closing := strings.IndexByte(text[after:], ')'); closing >= 0 {
		return after + closing + 1
	}
	return end
}
