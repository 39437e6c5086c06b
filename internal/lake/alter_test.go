package lake

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// asIceberg is a table's columns by field id as its metadata file has them, for another
// engine that reads it.
func asIceberg(t *testing.T, n *node, name string) string {
	t.Helper()
	ctx := context.Background()
	table, err := n.Lake.read(ctx, name, must(n.Location(ctx, name)))
	if err != nil {
		t.Fatal(err)
	}
	schema := table.metadata.CurrentSchema()
	text := fmt.Sprintf("%d of %d:", schema.ID, len(table.metadata.Schemas()))
	for _, f := range schema.Fields() {
		text += fmt.Sprintf(" %d=%s", f.ID, f.Name)
	}
	return text
}

func TestAlterRenamesByFieldID(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	text := record.Type{Kind: record.Varchar}
	schema := func(names ...string) (s record.Schema) {
		for _, name := range names {
			s = append(s, record.Column{Name: name, Type: text})
		}
		return s
	}
	must(n.Create(ctx, Spec{Name: "t", Schema: schema("a", "b", "c"), Partition: []string{"b"}}))
	for _, step := range []struct {
		name string
		spec Spec
		want string
	}{
		{"two change places", Spec{Schema: schema("a", "b", "c"), Partition: []string{"a"}, Renamed: map[string]string{"a": "b", "b": "a"}}, "1 of 2: 1=b 2=a 3=c"},
		{"one is renamed, another added", Spec{Schema: schema("x", "b", "c", "d"), Partition: []string{"x"}, Renamed: map[string]string{"a": "x"}}, "2 of 3: 1=b 2=x 3=c 4=d"},
		{"one is dropped", Spec{Schema: schema("x", "b", "d"), Partition: []string{"x"}, Dropped: []string{"c"}}, "3 of 4: 1=b 2=x 4=d"},
		{"its name is free", Spec{Schema: schema("x", "b", "d", "c"), Partition: []string{"x"}}, "4 of 5: 1=b 2=x 4=d 5=c"},
		{"the last goes, as it was before", Spec{Schema: schema("x", "b", "d"), Partition: []string{"x"}, Dropped: []string{"c"}}, "3 of 5: 1=b 2=x 4=d"},
		{"and comes again, as another", Spec{Schema: schema("x", "b", "d", "c"), Partition: []string{"x"}}, "5 of 6: 1=b 2=x 4=d 6=c"},
	} {
		step.spec.Name = "t"
		if err := n.Alter(ctx, []Spec{step.spec}, &Commit{}); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := asIceberg(t, n, "t"); got != step.want {
			t.Errorf("%s: %s, want %s", step.name, got, step.want)
		}
		table := must(n.table("t"))
		if specs := len(table.metadata.PartitionSpecs()); specs != 2 {
			t.Errorf("%s: %d partition specs, want the 2 of the start: the column is the same", step.name, specs)
		}
		if got := n.world.Current().Table("t").Schema; !sameSchema(got, table.schema) {
			t.Errorf("%s: the World has %v", step.name, got)
		}
	}
	check := func(n *node) {
		t.Helper()
		if got := fmt.Sprint(n.world.Current().Table("t").Former); got != "map[a:x]" {
			t.Errorf("former names %s, want map[a:x]", got)
		}
	}
	check(n)
	check(n.again(Options{}))
}

func TestAlterIsAllOrNothing(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	text := record.Type{Kind: record.Varchar}
	spec := func(name, column string) Spec {
		return Spec{Name: name, Schema: record.Schema{{Name: column, Type: text}}}
	}
	must(n.Create(ctx, spec("t", "a")))
	must(n.Create(ctx, spec("u", "a")))
	first, second := spec("t", "b"), spec("u", "b")
	first.Renamed, second.Renamed = map[string]string{"a": "b"}, map[string]string{"a": "b"}
	failed := errors.New("no")
	err := n.Alter(ctx, []Spec{first, second}, &Commit{InTx: func(*sql.Tx) error { return failed }})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	second.Renamed = map[string]string{"z": "b"}
	if err := n.Alter(ctx, []Spec{first, second}, &Commit{}); record.KindOf(err) != record.Conflict || !strings.Contains(err.Error(), "no column z to rename") {
		t.Errorf("a column that is not there: %v", err)
	}
	for _, name := range []string{"t", "u"} {
		if got := asIceberg(t, n, name); got != "0 of 1: 1=a" {
			t.Errorf("table %s became %s", name, got)
		}
	}
}

func TestAGuessedColumnIsReplacedByAWiderOne(t *testing.T) {
	ctx := context.Background()
	n := newNode(t, Options{})
	guessed := func(t record.Type) record.Schema {
		return record.Schema{{Name: "id", Type: record.Type{Kind: record.Int}}, {Name: "n", Type: t, Guessed: true}}
	}
	whole, digits, text := record.Type{Kind: record.Bigint}, record.Type{Kind: record.Decimal, Precision: 38}, record.Type{Kind: record.Varchar}
	must(n.Create(ctx, Spec{Name: "t", Schema: guessed(whole)}))
	must(n.Evolve(ctx, "t", guessed(digits)))
	must(n.Evolve(ctx, "t", guessed(text)))
	const want = "2 of 3: 1=id 4=n 2=_n_bigint_2 3=_n_decimal_3"
	check := func(n *node) {
		t.Helper()
		if got := asIceberg(t, n, "t"); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		schema := n.world.Current().Table("t").Schema
		if len(schema) != 2 || schema[1].FieldID != 4 || fmt.Sprint(schema[1].Was) != fmt.Sprint([]record.Was{{FieldID: 2, Type: whole}, {FieldID: 3, Type: digits}}) {
			t.Errorf("the World has %+v", schema)
		}
	}
	check(n)
	for _, older := range []record.Type{whole, digits, text} { // as a replay of the log prepares it
		must(n.Evolve(ctx, "t", guessed(older)))
	}
	check(n)
	n = n.again(Options{})
	check(n)
	if _, err := n.Evolve(ctx, "t", record.Schema{{Name: "n", Type: whole}}); record.KindOf(err) != record.Conflict {
		t.Errorf("a column that was declared: %v", err)
	}
	// It is renamed, and dropped, with all that it was.
	spec := Spec{Name: "t", Schema: record.Schema{{Name: "id", Type: record.Type{Kind: record.Int}}, {Name: "m", Type: text}}, Renamed: map[string]string{"n": "m"}}
	if err := n.Alter(ctx, []Spec{spec}, &Commit{}); err != nil {
		t.Fatal(err)
	}
	if got := asIceberg(t, n, "t"); got != "3 of 4: 1=id 4=m 2=_m_bigint_2 3=_m_decimal_3" {
		t.Errorf("renamed: %s", got)
	}
	spec = Spec{Name: "t", Schema: spec.Schema[:1], Dropped: []string{"m"}}
	if err := n.Alter(ctx, []Spec{spec}, &Commit{}); err != nil {
		t.Fatal(err)
	}
	if got := asIceberg(t, n, "t"); got != "4 of 5: 1=id" {
		t.Errorf("dropped: %s", got)
	}
}
