package shape

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Examples makes records as a definition wants them, for people to copy. Each column's
// value fits the column; whether the record as a whole passes (the filter, expressions)
// only shaping can tell, so there is more than one.
type Examples struct {
	Definition Definition
	Location   *time.Location // of times without a zone
	Lookups    map[string]*Seed

	chosen *rand.Rand // by the example's number
	fresh  *rand.Rand // another one each time
	now    time.Time
	hints  map[bool][]string // literals of the definition's SQL: numbers, texts
}

// exampleColumns is how many columns that need not be there an example has, unless it
// has all.
const exampleColumns = 6

// Make is one of the examples: the first has the values that come to mind first, each
// further one others. Its texts that must be unique are so by chance.
func (e Examples) Make(number uint64, all bool, now time.Time) []byte {
	e.now, e.chosen, e.fresh = now.Truncate(time.Second), rand.New(rand.NewPCG(number, 0)), rand.New(rand.NewPCG(uint64(now.UnixNano()), number))
	e.hints = hintsOf(e.Definition)
	root := &exampleNode{}
	optional := 0
	for i := range e.Definition.Columns {
		c := &e.Definition.Columns[i]
		typ, err := record.ParseType(c.Type)
		if err != nil || c.Expr != "" || c.Inferred || strings.HasPrefix(c.From, "_request.") {
			continue
		}
		if !all && !e.needs(c) {
			if optional++; optional > exampleColumns {
				continue
			}
		}
		path, err := parsePath(c.From)
		if err != nil {
			path = []step{{name: c.Name, index: -1}}
			if c.Lookup != nil {
				path[0].name = c.Lookup.Key
			}
		}
		choices := e.choices(c, typ)
		value := choices[0]
		if number > 0 {
			value = choices[e.chosen.IntN(len(choices))]
		}
		if c.Decode == "json" {
			value = quoted(value)
		}
		rank := 1
		switch {
		case c.Lookup != nil:
			rank = 3
		case len(c.OneOf) > 0:
			rank = 2
		case typ.Kind == record.JSON:
			rank = 0
		}
		root.put(path, value, rank)
	}
	return root.append(nil)
}

// needs says whether a record cannot do without a column.
func (e Examples) needs(c *Column) bool {
	d := &e.Definition
	named := regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(c.Name) + `\b`)
	if c.NotNull && len(c.Default) == 0 || c.Name == d.EventTime || d.Dedupe != nil && d.Dedupe.Key == c.Name || named.MatchString(d.Filter) {
		return true
	}
	return slices.ContainsFunc(d.Columns, func(o Column) bool { return o.Expr != "" && o.NotNull && named.MatchString(o.Expr) })
}

// choices are values that a column takes, as JSON, the likeliest first.
func (e Examples) choices(c *Column, typ record.Type) (list []string) {
	if c.Lookup != nil {
		if seed := e.Lookups[c.Lookup.Seed]; seed != nil {
			if key := slices.Index(seed.Columns, c.Lookup.Key); key >= 0 {
				for _, row := range seed.Rows[:min(len(seed.Rows), 20)] {
					list = append(list, numberOrText(row[key]))
				}
			}
		}
	}
	for _, l := range c.OneOf {
		list = append(list, string(l))
	}
	if len(list) > 0 {
		return list
	}
	key := e.Definition.Dedupe != nil && e.Definition.Dedupe.Key == c.Name
	switch typ.Kind {
	case record.Boolean:
		return []string{"true", "false"}
	case record.Varchar:
		switch {
		case c.Pattern != "":
			for range 4 {
				list = append(list, quoted(e.matching(c.Pattern)))
			}
			return list
		case key:
			return []string{quoted(e.unique())}
		case strings.Contains(strings.ToLower(c.Name), "url") || strings.HasPrefix(c.Name, "refer"):
			list = []string{`"https://example.com/"`}
		default:
			list = []string{`"example"`}
		}
		for _, text := range e.hints[true] {
			list = append(list, quoted(text))
		}
		return list
	case record.Int, record.Bigint, record.Double, record.Decimal:
		return e.numbers(c, typ, key)
	case record.Date, record.Timestamp, record.Timestamptz:
		list = []string{e.moment(c, typ)}
		for _, l := range []Literal{c.Min, c.Max} {
			if len(l) > 0 {
				list = append(list, string(l))
			}
		}
		return list
	}
	return []string{e.plain(typ)}
}

// numbers are values of a column of numbers.
func (e Examples) numbers(c *Column, typ record.Type, key bool) (list []string) {
	for _, l := range []Literal{c.Min, c.Max} {
		if len(l) > 0 {
			list = append(list, string(l))
		}
	}
	if key && len(list) == 0 {
		return []string{strconv.Itoa(1 + e.fresh.IntN(1<<30))}
	}
	if len(list) == 0 {
		list = []string{e.plain(typ)}
	}
	if len(c.Min)+len(c.Max) == 0 {
		for _, text := range e.hints[false] {
			if n, err := strconv.Atoi(text); err == nil {
				list = append(list, text, strconv.Itoa(n+1), strconv.Itoa(n-1))
			}
		}
	}
	return list
}

// plain is a value of a type.
func (e Examples) plain(typ record.Type) string {
	switch typ.Kind {
	case record.Boolean:
		return "true"
	case record.Int, record.Bigint:
		return "1"
	case record.Double:
		return "1.5"
	case record.Decimal:
		switch {
		case typ.Precision == typ.Scale:
			return "0"
		case typ.Scale > 0:
			return "1.5"
		}
		return "1"
	case record.Date, record.Timestamp, record.Timestamptz:
		return e.moment(&Column{}, typ)
	case record.JSON:
		return `{"a":1}`
	case record.Array:
		return "[" + e.plain(*typ.Elem) + "]"
	case record.Struct:
		parts := make([]string, len(typ.Fields))
		for i, f := range typ.Fields {
			parts[i] = quoted(f.Name) + ":" + e.plain(f.Type)
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	return `"example"`
}

// moment is the time now, as a column reads it.
func (e Examples) moment(c *Column, typ record.Type) string {
	now := e.now.In(orUTC(e.Location))
	if f, _, err := parseFormat(c.Format); c.Format != "" && err == nil {
		return f.write(now)
	}
	switch typ.Kind {
	case record.Date:
		return quoted(now.Format(time.DateOnly))
	case record.Timestamp:
		return quoted(now.Format("2006-01-02T15:04:05"))
	}
	return quoted(now.Format(time.RFC3339))
}

func orUTC(l *time.Location) *time.Location {
	if l == nil {
		return time.UTC
	}
	return l
}

// write is a time as the format has it, as JSON.
func (f *timeFormat) write(t time.Time) string {
	if f.epoch {
		unit := map[int]int64{6: 1e9, 3: 1e6, 0: 1e3, -3: 1}[f.unit]
		return strconv.FormatInt(t.UnixNano()/unit, 10)
	}
	layouts := map[byte][2]string{'Y': {"2006"}, 'm': {"01", "1"}, 'd': {"02", "2"}, 'b': {"Jan"}, 'B': {"January"}, 'j': {"002"}, 'H': {"15"}, 'I': {"03", "3"},
		'M': {"04", "4"}, 'S': {"05", "5"}, 'p': {"PM"}, 'z': {"-0700"}, 'a': {"Mon"}, 'A': {"Monday"}}
	var b strings.Builder
	for _, p := range f.parts {
		switch {
		case p.field == 0:
			b.WriteString(p.literal)
		case p.field == 'f':
			b.WriteString("000000")
		case p.field == 'H' && p.short:
			b.WriteString(strconv.Itoa(t.Hour()))
		case p.short:
			b.WriteString(t.Format(layouts[p.field][1]))
		default:
			b.WriteString(t.Format(layouts[p.field][0]))
		}
	}
	return quoted(b.String())
}

// unique is a text that no other example has.
func (e Examples) unique() string {
	return "example-" + strconv.FormatUint(e.fresh.Uint64()>>16, 36)
}

// matching is a text that a regular expression matches, if it is not odd.
func (e Examples) matching(pattern string) string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	e.match(&b, tree)
	return b.String()
}

func (e Examples) match(b *strings.Builder, r *syntax.Regexp) {
	times := 1
	switch r.Op {
	case syntax.OpLiteral:
		b.WriteString(string(r.Rune))
		return
	case syntax.OpCharClass:
		b.WriteRune(e.among(r.Rune))
		return
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
		return
	case syntax.OpAlternate:
		e.match(b, r.Sub[e.fresh.IntN(len(r.Sub))])
		return
	case syntax.OpStar, syntax.OpQuest:
		return
	case syntax.OpRepeat:
		times = r.Min
	}
	for range times {
		for _, sub := range r.Sub {
			e.match(b, sub)
		}
	}
}

// among is one of a class of characters, one that is easy to read if there is any.
func (e Examples) among(ranges []rune) rune {
	var easy []rune
	for _, r := range "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		for i := 0; i+1 < len(ranges); i += 2 {
			if r >= ranges[i] && r <= ranges[i+1] {
				easy = append(easy, r)
			}
		}
	}
	if len(easy) > 0 {
		return easy[e.fresh.IntN(len(easy))]
	}
	return ranges[0]
}

var (
	sqlTexts   = regexp.MustCompile(`'((?:[^']|'')*)'`)
	sqlNumbers = regexp.MustCompile(`\b\d+\b`)
)

// hintsOf are the literals that a definition's SQL compares with.
func hintsOf(d Definition) map[bool][]string {
	hints := map[bool][]string{}
	statements := []string{d.Filter}
	for _, c := range d.Columns {
		statements = append(statements, c.Expr)
	}
	for _, sql := range statements {
		for _, m := range sqlTexts.FindAllStringSubmatch(sql, -1) {
			hints[true] = append(hints[true], strings.ReplaceAll(m[1], "''", "'"))
		}
		hints[false] = append(hints[false], sqlNumbers.FindAllString(sqlTexts.ReplaceAllString(sql, ""), -1)...)
	}
	return hints
}

func quoted(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}

// numberOrText is a seed's key as a record has it.
func numberOrText(text string) string {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && strconv.FormatInt(n, 10) == text {
		return text
	}
	return quoted(text)
}

// exampleNode is a value of an example: a text of JSON, an object or an array.
type exampleNode struct {
	value    string
	rank     int // of the value: a higher one stays
	names    []string
	members  []*exampleNode
	elements []*exampleNode
}

// put sets the value at a path. Where columns of two kinds read one field, the value of
// the higher rank stays.
func (n *exampleNode) put(path []step, value string, rank int) {
	if len(path) == 0 {
		if n.value == "" || rank > n.rank {
			n.value, n.rank = value, rank
		}
		return
	}
	n.child(path[0]).put(path[1:], value, rank)
}

func (n *exampleNode) child(s step) *exampleNode {
	if s.index >= 0 {
		for len(n.elements) <= min(s.index, 100) {
			n.elements = append(n.elements, &exampleNode{})
		}
		return n.elements[min(s.index, 100)]
	}
	i := slices.Index(n.names, s.name)
	if i < 0 {
		i = len(n.names)
		n.names, n.members = append(n.names, s.name), append(n.members, &exampleNode{})
	}
	return n.members[i]
}

func (n *exampleNode) append(b []byte) []byte {
	switch {
	case len(n.elements) > 0:
		b = append(b, '[')
		for i, e := range n.elements {
			if i > 0 {
				b = append(b, ',')
			}
			if e.value == "" && e.names == nil && e.elements == nil {
				b = append(b, "null"...)
			} else {
				b = e.append(b)
			}
		}
		return append(b, ']')
	case len(n.names) > 0 || n.value == "":
		b = append(b, '{')
		for i, m := range n.members {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(b, quoted(n.names[i])...), ':')
			b = m.append(b)
		}
		return append(b, '}')
	}
	return append(b, n.value...)
}
