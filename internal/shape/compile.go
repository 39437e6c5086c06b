package shape

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/biwa-data/biwa/internal/jsontext"
	"github.com/biwa-data/biwa/internal/record"
)

// compiler builds a Shaper and notes each mistake on the way, so that one run
// finds all of them.
type compiler struct {
	def      *Definition
	options  Options
	shaper   *Shaper
	mistakes Mistakes
	lower    map[string]string // columns so far, by their name in lower case
	requests map[int]int       // field to which part of the request it takes
}

func compile(def Definition, options Options) (*Shaper, Mistakes) {
	c := &compiler{
		def: &def, options: options, lower: map[string]string{}, requests: map[int]int{},
		shaper: &Shaper{
			name: options.Name, stream: options.Stream, location: newZone(options.Location).location,
			allocator: defaultAllocator(options.Allocator), evaluator: options.Evaluator,
			tree: tree{nodes: []node{{}}}, extraAt: -1, dedupeAt: -1, lists: listsOf(&def),
		},
	}
	c.addColumn("", record.Column{Name: record.ColumnRecordID, Type: record.Type{Kind: record.Bigint}, Doc: "the record's id, unique for ever"})
	c.addColumn("", record.Column{Name: record.ColumnReceivedAt, Type: record.Type{Kind: record.Timestamptz}, Doc: "when the record arrived"})
	for i := range def.Columns {
		c.column(i)
	}
	c.enrichments()
	inputs := len(c.shaper.schema)
	c.eventTime()
	c.partition()
	c.unknownFields()
	c.program(inputs)
	c.dedupe()
	c.moves()
	if def.Transform != "" {
		c.mistakes.add("transform", "leave transform out, or write the columns with expr", "transform is not built yet")
	}
	s := c.shaper
	s.requestAt = s.tree.slots
	for field, part := range c.requests {
		s.fields[field].slot = s.requestAt + part
	}
	s.arrow = s.schema.Arrow()
	return s, c.mistakes
}

// addColumn appends to the schema; false if the name is taken.
func (c *compiler) addColumn(path string, col record.Column) bool {
	key := strings.ToLower(col.Name)
	if other, taken := c.lower[key]; taken {
		why := fmt.Sprintf("two columns are called %s", col.Name)
		if other != col.Name {
			why = fmt.Sprintf("columns %s and %s differ in letter case only", other, col.Name)
		}
		c.mistakes.add(path, "rename one of them", "%s", why)
		return false
	}
	c.lower[key] = col.Name
	c.shaper.schema = append(c.shaper.schema, col)
	return true
}

var columnName = regexp.MustCompile(`^\pL[\pL\pN_]*$`)

const maxNameBytes = 128

// validName says what is wrong with a column's name.
func validName(name string) error {
	switch {
	case name == "":
		return errors.New("the column has no name")
	case strings.HasPrefix(name, "_"):
		return fmt.Errorf("%s starts with _, as only Biwa's own columns do", name)
	case len(name) > maxNameBytes:
		return fmt.Errorf("the name has more than %d bytes", maxNameBytes)
	case !columnName.MatchString(name):
		return fmt.Errorf("%q is not a column name: letters, digits and _, starting with a letter", name)
	}
	return nil
}

// column compiles the i-th column of the definition.
func (c *compiler) column(i int) {
	def := &c.def.Columns[i]
	path := fmt.Sprintf("columns[%d]", i)
	if err := validName(def.Name); err != nil {
		c.mistakes.add(path+".name", suggestedName(def), "%v", err)
	}
	typ, err := record.ParseType(def.Type)
	if err != nil {
		c.badType(path+".type", def, err)
		return
	}
	if !c.addColumn(path+".name", record.Column{Name: def.Name, Type: typ, Doc: def.Description, Guessed: def.Inferred}) {
		return
	}
	at := len(c.shaper.schema) - 1
	if def.Expr != "" {
		c.expression(path, def, at)
		return
	}
	f := field{name: def.Name, at: at, notNull: def.NotNull, inferred: def.Inferred, typ: typ, key: textValue(def.Name)}
	switch def.Decode {
	case "", "json":
		f.decode = def.Decode == "json"
	default:
		c.mistakes.add(path+".decode", "write json", "decode knows %q", "json")
	}
	f.rules = c.rules(path, def, typ)
	if def.Lookup != nil {
		f.lookup = c.lookup(path+".lookup", def.Lookup, &f)
	}
	if len(def.Default) > 0 && string(def.Default) != "null" {
		f.fallback = c.fallback(path+".default", def.Default, &f)
	}
	f.slot = c.source(path+".from", def, typ)
	c.shaper.fields = append(c.shaper.fields, f)
}

// suggestedName is what to write in place of a name that cannot be a column's.
func suggestedName(def *Column) string {
	name := strings.Trim(regexp.MustCompile(`[^\pL\pN]+`).ReplaceAllString(def.Name, "_"), "_0123456789")
	if name == "" || validName(name) != nil {
		return ""
	}
	from := def.Name
	if def.From != "" {
		from = def.From
	} else if strings.ContainsAny(from, `.[" `) {
		from = `'"` + from + `"'`
	}
	return fmt.Sprintf("write name: %s and from: %s", name, from)
}

func (c *compiler) badType(path string, def *Column, err error) {
	var unknown *record.UnknownTypeError
	switch {
	case def.Type == "":
		c.mistakes.add(path, "write one of "+strings.Join(record.TypeNames(), ", "), "column %s has no type", def.Name)
	case errors.As(err, &unknown):
		c.mistakes.add(path, didYouMean(unknown.Word, record.TypeNames()), "%v", err)
	default:
		c.mistakes.add(path, "", "%v", err)
	}
	// The name counts as there, so that nothing that uses it is a mistake too.
	c.lower[strings.ToLower(def.Name)] = def.Name
}

// requestParts are what a from can take of the request.
var requestParts = []string{"client", "user_agent", "key", "door", "received_at"}

// source gives the column's value a slot.
func (c *compiler) source(path string, def *Column, typ record.Type) int {
	if part, ok := strings.CutPrefix(def.From, "_request."); ok {
		for i, p := range requestParts {
			if p == part {
				c.requests[len(c.shaper.fields)] = i
				return 0
			}
		}
		c.mistakes.add(path, didYouMean(part, requestParts), "a request has no %q", part)
		return 0
	}
	steps := []step{{name: def.Name, index: -1}}
	if def.From == "" && def.Lookup != nil {
		steps[0].name = def.Lookup.Key
	}
	if def.From != "" {
		var err error
		if steps, err = parsePath(def.From); err != nil {
			c.mistakes.add(path, "write a path such as log.items[0].id", "%v", err)
			return 0
		}
	}
	if def.Decode != "" || def.Lookup != nil {
		typ = record.Type{Kind: record.JSON} // taken whole
	}
	return c.shaper.tree.take(steps, typ)
}

// fallback compiles a default, which must itself be a good value.
func (c *compiler) fallback(path string, l Literal, f *field) jsontext.Value {
	v := l.value()
	z := newZone(c.options.Location)
	if p := newColumn(f.typ, f.rules, &z).put(0, &v); p != nil {
		c.mistakes.add(path, "", "the default of column %s: %s", f.name, p.message)
	}
	if len(v.Raw) > maxLiteralBytes {
		c.mistakes.add(path, "", "the default has more than %d bytes", maxLiteralBytes)
	}
	return v
}

// maxLiteralBytes bounds what a definition can put into each row, so that a
// column of 65,535 rows stays below the 2 GiB that Arrow's offsets reach.
const maxLiteralBytes = 16 << 10

// expression compiles a column that SQL works out.
func (c *compiler) expression(path string, def *Column, at int) {
	given := map[string]bool{
		"from": def.From != "", "decode": def.Decode != "", "default": len(def.Default) > 0, "lookup": def.Lookup != nil,
		"one_of": len(def.OneOf) > 0, "format": def.Format != "", "min": len(def.Min) > 0, "max": len(def.Max) > 0, "pattern": def.Pattern != "",
	}
	for _, key := range []string{"from", "decode", "default", "lookup", "format", "one_of", "min", "max", "pattern"} {
		if given[key] {
			c.mistakes.add(path+"."+key, "write it into the expression, or take out expr", "column %s has expr, which does not go with %s", def.Name, key)
		}
	}
	s := c.shaper
	s.expressions = append(s.expressions, at)
	s.expressionNotNull = append(s.expressionNotNull, def.NotNull)
	s.program.Columns = append(s.program.Columns, Expression{Name: def.Name, Type: s.schema[at].Type, SQL: def.Expr})
}

// program says what the Evaluator sees: the columns before those of the
// partition, which may depend on its results, and _extra.
func (c *compiler) program(inputs int) {
	s := c.shaper
	s.program.Filter = c.def.Filter
	isExpression := map[int]bool{}
	for _, at := range s.expressions {
		isExpression[at] = true
	}
	for at := range s.schema {
		if (at < inputs || at == s.extraAt) && !isExpression[at] {
			s.inputs = append(s.inputs, at)
			s.program.Input = append(s.program.Input, s.schema[at])
		}
	}
}

// unknownFields adds _extra, the last column.
func (c *compiler) unknownFields() {
	s := c.shaper
	s.evolveColumns = cmp.Or(c.def.EvolveColumns, EvolveColumns)
	s.evolved, s.former = map[int64]int{}, c.def.former()
	for i := range c.def.Columns {
		if col := &c.def.Columns[i]; col.Inferred {
			s.evolved[col.Hour]++
		}
	}
	switch s.unknown = c.def.UnknownFields; s.unknown {
	case "":
		s.unknown = UnknownKeep
	case UnknownKeep, UnknownEvolve, UnknownQuarantine, UnknownDrop:
	default:
		c.mistakes.add("unknown_fields", didYouMean(string(s.unknown), unknownFieldsWords), "unknown_fields knows no %q", s.unknown)
	}
	if s.unknown == UnknownKeep || s.unknown == UnknownEvolve {
		s.extraAt = len(s.schema)
		c.addColumn("unknown_fields", record.Column{Name: record.ColumnExtra, Type: record.Type{Kind: record.JSON}, Doc: "fields that no column takes"})
	}
}
