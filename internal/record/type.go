package record

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
)

// TypeKind is the outermost part of a column's type.
type TypeKind int

const (
	Boolean TypeKind = iota + 1
	Int
	Bigint
	Double
	Decimal // precision 1..38, scale
	Varchar
	Date
	Timestamp   // without zone, microseconds
	Timestamptz // an instant, microseconds
	JSON        // text that is valid JSON
	Array       // of Elem
	Struct      // of Fields
)

var kindNames = map[TypeKind]string{
	Boolean: "boolean", Int: "int", Bigint: "bigint", Double: "double", Decimal: "decimal", Varchar: "varchar",
	Date: "date", Timestamp: "timestamp", Timestamptz: "timestamptz", JSON: "json", Array: "array", Struct: "struct",
}

// Type is a column's type. The zero value is no type.
type Type struct {
	Kind             TypeKind
	Precision, Scale int      // Decimal
	Elem             *Type    // Array
	ElemID           int      // Array: Iceberg field id of the element, 0 before the table exists
	Fields           []Column // Struct
}

// Column is a named, typed column or struct field.
type Column struct {
	Name    string
	Type    Type
	FieldID int // Iceberg field id, 0 before the table exists
	Doc     string
	// Guessed says that records have made the column: its table may replace it by one
	// of a wider type, into which every value is printed as it was sent.
	Guessed bool
	// Was are the fields that the column had before it was widened so, the first one
	// first: values that are in none of the later fields are theirs.
	Was []Was
}

// Was is a field that a column had.
type Was struct {
	FieldID int
	Type    Type
}

// PrintsInto says whether each value of a guessed column of the type is printed as it
// was sent when it is cast to another.
func (t Type) PrintsInto(o Type) bool {
	whole := t.Kind == Bigint || t.Kind == Decimal && t.Scale == 0
	switch o.Kind {
	case Varchar:
		return t.Kind == Boolean || whole
	case Decimal:
		return t.Kind == Bigint && o.Scale == 0 && o.Precision >= 19
	}
	return false
}

// Schema is a table's columns in order.
type Schema []Column

// Index is the position of a column, -1 if there is none of that name.
func (s Schema) Index(name string) int {
	for i := range s {
		if s[i].Name == name {
			return i
		}
	}
	return -1
}

// Columns that every table fed by a stream has, first.
const (
	ColumnRecordID   = "_record_id"   // bigint
	ColumnReceivedAt = "_received_at" // timestamptz
	ColumnExtra      = "_extra"       // json, where unknown fields are kept
)

// String is the type as users write it: decimal(18,2), varchar[], struct(a int, b varchar).
func (t Type) String() string {
	switch t.Kind {
	case Decimal:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision, t.Scale)
	case Array:
		return t.Elem.String() + "[]"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = f.Name + " " + f.Type.String()
		}
		return "struct(" + strings.Join(parts, ", ") + ")"
	}
	return kindNames[t.Kind]
}

// SQL is the type in DuckDB's spelling, names quoted.
func (t Type) SQL() string {
	switch t.Kind {
	case Array:
		return t.Elem.SQL() + "[]"
	case Struct:
		parts := make([]string, len(t.Fields))
		for i, f := range t.Fields {
			parts[i] = QuoteName(f.Name) + " " + f.Type.SQL()
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	case Int:
		return "INTEGER"
	}
	return strings.ToUpper(t.String())
}

// QuoteName writes an SQL identifier in double quotes.
func QuoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// QuoteText writes an SQL string literal.
func QuoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

// Arrow is the Arrow type the shaping stage builds for t.
func (t Type) Arrow() arrow.DataType {
	switch t.Kind {
	case Boolean:
		return arrow.FixedWidthTypes.Boolean
	case Int:
		return arrow.PrimitiveTypes.Int32
	case Bigint:
		return arrow.PrimitiveTypes.Int64
	case Double:
		return arrow.PrimitiveTypes.Float64
	case Decimal:
		return &arrow.Decimal128Type{Precision: int32(t.Precision), Scale: int32(t.Scale)}
	case Date:
		return arrow.FixedWidthTypes.Date32
	case Timestamp:
		return &arrow.TimestampType{Unit: arrow.Microsecond}
	case Timestamptz:
		return &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	case Array:
		return arrow.ListOf(t.Elem.Arrow())
	case Struct:
		fields := make([]arrow.Field, len(t.Fields))
		for i, f := range t.Fields {
			fields[i] = arrow.Field{Name: f.Name, Type: f.Type.Arrow(), Nullable: true}
		}
		return arrow.StructOf(fields...)
	}
	return arrow.BinaryTypes.String
}

// Arrow is the schema of the Arrow batches that hold the table's rows.
func (s Schema) Arrow() *arrow.Schema {
	fields := make([]arrow.Field, len(s))
	for i, c := range s {
		fields[i] = arrow.Field{Name: c.Name, Type: c.Type.Arrow(), Nullable: true}
	}
	return arrow.NewSchema(fields, nil)
}

// ParseType reads what String writes, with SQL's usual other names.
func ParseType(text string) (Type, error) {
	p := typeParser{rest: text}
	t, err := p.parse(0)
	if err == nil && strings.TrimSpace(p.rest) != "" {
		err = fmt.Errorf("unexpected %q after the type", strings.TrimSpace(p.rest))
	}
	if err != nil {
		return Type{}, Errorf(Invalid, "type %q: %w", text, err)
	}
	return t, nil
}

// TypeNames are the words ParseType knows, for suggestions.
func TypeNames() []string {
	return []string{"boolean", "int", "bigint", "double", "decimal", "varchar", "date", "timestamp", "timestamptz", "json", "array", "struct"}
}

var typeAliases = map[string]TypeKind{
	"boolean": Boolean, "bool": Boolean, "int": Int, "integer": Int, "int4": Int, "bigint": Bigint, "long": Bigint, "int8": Bigint,
	"double": Double, "float8": Double, "decimal": Decimal, "numeric": Decimal, "varchar": Varchar, "text": Varchar, "string": Varchar,
	"date": Date, "timestamp": Timestamp, "timestamptz": Timestamptz, "json": JSON, "array": Array, "struct": Struct,
}

// UnknownTypeError says which word is not a type, so that a caller can suggest.
type UnknownTypeError struct{ Word string }

func (e *UnknownTypeError) Error() string { return fmt.Sprintf("%q is not a type", e.Word) }

type typeParser struct{ rest string }

func (p *typeParser) parse(depth int) (Type, error) {
	if depth > 16 {
		return Type{}, fmt.Errorf("nested more than 16 deep")
	}
	t, err := p.base(depth)
	for err == nil && p.take("[") {
		if !p.take("]") {
			return Type{}, fmt.Errorf(`"[" without "]"`)
		}
		elem := t
		t = Type{Kind: Array, Elem: &elem}
	}
	return t, err
}

func (p *typeParser) base(depth int) (Type, error) {
	word := strings.ToLower(p.word())
	kind, ok := typeAliases[word]
	if !ok {
		return Type{}, &UnknownTypeError{word}
	}
	switch kind {
	case Decimal:
		return p.decimal()
	case Array:
		return p.array(depth)
	case Struct:
		return p.fields(depth)
	case Varchar: // varchar(255): the length is accepted and not enforced
		if p.take("(") {
			if _, err := p.number(); err != nil || !p.take(")") {
				return Type{}, fmt.Errorf("want varchar or varchar(n)")
			}
		}
	case Timestamp:
		save := p.rest
		if strings.EqualFold(p.word(), "with") && strings.EqualFold(p.word(), "time") && strings.EqualFold(p.word(), "zone") {
			return Type{Kind: Timestamptz}, nil
		}
		p.rest = save
	}
	return Type{Kind: kind}, nil
}

func (p *typeParser) decimal() (Type, error) {
	t := Type{Kind: Decimal, Precision: 18, Scale: 3}
	if !p.take("(") {
		return t, nil
	}
	var err error
	if t.Precision, err = p.number(); err != nil {
		return t, err
	}
	t.Scale = 0
	if p.take(",") {
		if t.Scale, err = p.number(); err != nil {
			return t, err
		}
	}
	if !p.take(")") || t.Precision < 1 || t.Precision > 38 || t.Scale > t.Precision {
		return t, fmt.Errorf("want decimal(precision, scale) with precision 1 to 38 and scale at most the precision")
	}
	return t, nil
}

func (p *typeParser) array(depth int) (Type, error) {
	if !p.take("(") && !p.take("<") {
		return Type{}, fmt.Errorf("want array(type)")
	}
	elem, err := p.parse(depth + 1)
	if err == nil && !p.take(")") && !p.take(">") {
		err = fmt.Errorf("want array(type)")
	}
	return Type{Kind: Array, Elem: &elem}, err
}

func (p *typeParser) fields(depth int) (Type, error) {
	t := Type{Kind: Struct}
	if !p.take("(") && !p.take("<") {
		return t, fmt.Errorf("want struct(name type, ...)")
	}
	for {
		name := p.word()
		if name == "" {
			return t, fmt.Errorf("want struct(name type, ...)")
		}
		p.take(":")
		ft, err := p.parse(depth + 1)
		if err != nil {
			return t, err
		}
		for _, f := range t.Fields {
			if strings.EqualFold(f.Name, name) {
				return t, fmt.Errorf("two fields are called %q", name)
			}
		}
		t.Fields = append(t.Fields, Column{Name: name, Type: ft})
		if p.take(",") {
			continue
		}
		if p.take(")") || p.take(">") {
			return t, nil
		}
		return t, fmt.Errorf("struct( without )")
	}
}

func (p *typeParser) word() string {
	p.rest = strings.TrimLeft(p.rest, " \t")
	end := strings.IndexFunc(p.rest, func(r rune) bool { return strings.ContainsRune(" \t()[]<>,:", r) })
	if end < 0 {
		end = len(p.rest)
	}
	w := p.rest[:end]
	p.rest = p.rest[end:]
	return w
}

func (p *typeParser) take(sign string) bool {
	p.rest = strings.TrimLeft(p.rest, " \t")
	if !strings.HasPrefix(p.rest, sign) {
		return false
	}
	p.rest = p.rest[len(sign):]
	return true
}

func (p *typeParser) number() (int, error) {
	w := p.word()
	n, err := strconv.Atoi(w)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a number", w)
	}
	return n, nil
}
