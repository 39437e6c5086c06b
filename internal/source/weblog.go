package source

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// logReader reads logs of web servers: a line is a record with named fields, or
// it costs itself. A field that is "-" is left out.
type logReader struct {
	lines *lineReader
	// parse reads a line: no fields and no error where it is none by design.
	parse func(line string) (fields, error)
}

// logFormats are the formats of logs, each with a new parser.
var logFormats = map[string]func() func(string) (fields, error){
	"clf":      func() func(string) (fields, error) { return commonLog },
	"combined": func() func(string) (fields, error) { return combinedLog },
	"alb":      func() func(string) (fields, error) { return loadBalancerLog },
	"w3c":      func() func(string) (fields, error) { return (&extendedLog{}).parse },
}

func (r *logReader) found() string { return "blank lines or lines of a header" }

func (r *logReader) next() ([]byte, *Rejected, error) {
	for {
		l, err := r.lines.next()
		if err != nil {
			return nil, nil, err
		}
		if l.code != "" {
			return nil, l.rejected(l.code, "%s", l.reason), nil
		}
		text := l.content()
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		fields, err := r.parse(string(text))
		if err != nil {
			return nil, l.rejected(record.CodeInvalidRow, "%v", err), nil
		}
		if len(fields) > 0 {
			return fields.object(), nil, nil
		}
	}
}

// plainLog is the format of a log that a text plainly is; "" for none.
func plainLog(head []byte) string {
	first, _, _ := bytes.Cut(head, []byte("\n"))
	line := strings.TrimRight(string(first), "\r")
	for _, directive := range []string{"#Version:", "#Fields:", "#Software:"} {
		if strings.HasPrefix(line, directive) {
			return "w3c"
		}
	}
	for _, format := range []string{"combined", "clf", "alb"} {
		if _, err := logFormats[format]()(line); err == nil {
			return format
		}
	}
	return ""
}

// field is a named value; a number where it reads as one that JSON has.
type field struct {
	name, value string
	number      bool
}

type fields []field

// add takes a value that is there.
func (f *fields) add(name, value string) {
	if value != "" && value != "-" {
		*f = append(*f, field{name: name, value: value})
	}
}

// addNumber takes a value that is a number, as one where JSON can say it the same.
func (f *fields) addNumber(name, value string) {
	f.add(name, value)
	if n := len(*f); n > 0 && (*f)[n-1].name == name {
		code, _ := jsontext.CheckValue([]byte(value))
		(*f)[n-1].number = code == "" && (value[0] == '-' || value[0] >= '0' && value[0] <= '9')
	}
}

func (f fields) object() []byte {
	out := []byte{'{'}
	for i, one := range f {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(jsontext.AppendString(out, one.name), ':')
		if one.number {
			out = append(out, one.value...)
		} else {
			out = jsontext.AppendString(out, one.value)
		}
	}
	return append(out, '}')
}

// commonLog reads a line of the Common Log Format: remote_host, ident, user, ts,
// method, path, protocol, status, bytes.
func commonLog(line string) (fields, error) {
	f, rest, err := common(line)
	if err == nil && rest != "" {
		return nil, fmt.Errorf("something follows the number of bytes: %q; if it is referer and user agent say --format combined", clip(rest))
	}
	return f, err
}

// combinedLog reads what commonLog does, then referer and user_agent, and
// forwarded_for where there is one more, as nginx is often set to write.
func combinedLog(line string) (fields, error) {
	f, rest, err := common(line)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"referer", "user_agent", "forwarded_for"} {
		if name == "forwarded_for" && rest == "" {
			break
		}
		value, after, ok := quoted(rest)
		if !ok {
			return nil, fmt.Errorf("there is no %s in quotes after the number of bytes", name)
		}
		f.add(name, unescaped(value))
		rest = strings.TrimPrefix(after, " ")
	}
	if rest != "" {
		return nil, fmt.Errorf("something follows the user agent: %q", clip(rest))
	}
	return f, nil
}

// common reads the fields that both formats have, and gives what follows them.
func common(line string) (f fields, rest string, err error) {
	who, rest, ok := strings.Cut(line, " [")
	names := strings.SplitN(who, " ", 3)
	if !ok || len(names) != 3 {
		return nil, "", errors.New(`it does not begin with host, ident, user and [time]`)
	}
	for i, name := range []string{"remote_host", "ident", "user"} {
		f.add(name, unescaped(names[i]))
	}
	when, rest, _ := strings.Cut(rest, "] ")
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", when)
	if err != nil {
		return nil, "", fmt.Errorf("%q is no time such as 10/Oct/2000:13:55:36 -0700", clip(when))
	}
	f.add("ts", at.Format("2006-01-02T15:04:05-07:00"))
	request, rest, ok := quoted(rest)
	if !ok {
		return nil, "", errors.New("there is no request in quotes after the time")
	}
	f.request(unescaped(request), "path")
	status, rest, _ := strings.Cut(strings.TrimPrefix(rest, " "), " ")
	if !digits(status) || len(status) != 3 {
		return nil, "", fmt.Errorf("%q is no status of three digits", clip(status))
	}
	f.addNumber("status", status)
	size, rest, _ := strings.Cut(rest, " ")
	if !digits(size) && size != "-" {
		return nil, "", fmt.Errorf("%q is no number of bytes", clip(size))
	}
	f.addNumber("bytes", size)
	return f, rest, nil
}

// request takes the first line of a request apart; one that is none is kept whole.
func (f *fields) request(text, path string) {
	method, rest, _ := strings.Cut(text, " ")
	at := strings.LastIndexByte(rest, ' ')
	if at <= 0 || !strings.HasPrefix(rest[at+1:], "HTTP/") || method == "" {
		f.add("request", text)
		return
	}
	f.add("method", method)
	f.add(path, rest[:at])
	f.add("protocol", rest[at+1:])
}

// quoted reads a text in quotes; a backslash keeps a quote from ending it.
func quoted(text string) (value, rest string, ok bool) {
	if text == "" || text[0] != '"' {
		return "", text, false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], true
		}
	}
	return "", text, false
}

var escapes = map[byte]byte{'"': '"', '\\': '\\', 'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v', 'a': '\a'}

// unescaped takes back what Apache and nginx wrote as \", \n or \x22. A text that
// then would be no UTF-8 stays as it is.
func unescaped(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			if c, ok := escapes[text[i+1]]; ok {
				out, i = append(out, c), i+1
				continue
			}
			if text[i+1] == 'x' && i+3 < len(text) {
				if c, err := strconv.ParseUint(text[i+2:i+4], 16, 8); err == nil {
					out, i = append(out, byte(c)), i+3
					continue
				}
			}
		}
		out = append(out, text[i])
	}
	if !utf8.Valid(out) {
		return text
	}
	return string(out)
}

func digits(text string) bool {
	return text != "" && !slices.ContainsFunc([]byte(text), func(c byte) bool { return c < '0' || c > '9' })
}
