package console

import (
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/language"
)

// Language is one the console speaks.
type Language string

// The languages.
const (
	English  Language = "en"
	Japanese Language = "ja"
)

var matcher = language.NewMatcher([]language.Tag{language.English, language.Japanese})

// languageOf is what the visitor chose, or what the browser asks for.
func languageOf(r *http.Request) Language {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == string(English) || c.Value == string(Japanese)) {
		return Language(c.Value)
	}
	tag, _ := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	if base, _ := tag.Base(); base.String() == "ja" {
		return Japanese
	}
	return English
}

// Tag is the language's tag for HTML.
func (l Language) Tag() string { return string(l) }

// Other is the language to change to.
func (l Language) Other() Language {
	if l == Japanese {
		return English
	}
	return Japanese
}

// Own is the language's name in itself.
func (l Language) Own() string {
	if l == Japanese {
		return "日本語"
	}
	return "English"
}

// say finds a message and fills in its arguments. Whole numbers are grouped,
// durations and times written as people do; texts are escaped.
func (l Language) say(v *Visit, key string, args []any) template.HTML {
	m, ok := messages[key]
	if !ok {
		panic(fmt.Sprintf("console: there is no message %q", key)) // a test looks for every key
	}
	text := m.en
	if l == Japanese {
		text = m.ja
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return template.HTML(b.String())
		}
		place, after, _ := strings.Cut(rest, "}")
		b.WriteString(l.fill(v, key, place, args))
		text = after
	}
}

// fill writes what stands for a place: {1} is an argument, {1|one|more} a word
// that depends on its number.
func (l Language) fill(v *Visit, key, place string, args []any) string {
	number, words, choose := strings.Cut(place, "|")
	i := int(number[0] - '1')
	if len(number) != 1 || i < 0 || i >= len(args) {
		panic(fmt.Sprintf("console: message %q wants {%s}, there are %d arguments", key, place, len(args)))
	}
	if choose {
		one, more, _ := strings.Cut(words, "|")
		if count, ok := whole(args[i]); ok && count == 1 {
			return one
		}
		return more
	}
	switch a := args[i].(type) {
	case template.HTML:
		return string(a)
	case string:
		return template.HTMLEscapeString(a)
	case time.Duration:
		return v.Span(a)
	case time.Time:
		return string(v.Time(a))
	}
	if n, ok := whole(args[i]); ok {
		return v.N(n)
	}
	return template.HTMLEscapeString(fmt.Sprint(args[i]))
}

func whole(a any) (int64, bool) {
	switch n := a.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case int32:
		return int64(n), true
	}
	return 0, false
}
