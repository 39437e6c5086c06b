package record

import (
	"errors"
	"strings"
	"testing"
)

func TestParseType(t *testing.T) {
	for text, want := range map[string]string{
		"bigint": "bigint", " BIGINT ": "bigint", "integer": "int", "text": "varchar", "varchar(255)": "varchar", "numeric(10)": "decimal(10,0)",
		"decimal": "decimal(18,3)", "decimal( 38 , 9 )": "decimal(38,9)", "timestamp with time zone": "timestamptz", "timestamp": "timestamp",
		"int[]": "int[]", "array<varchar>": "varchar[]", "int[][]": "int[][]",
		"struct(a int, b struct<c: double>[])": "struct(a int, b struct(c double)[])",
	} {
		got, err := ParseType(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
		again, err := ParseType(got.String())
		if err != nil || again.String() != want {
			t.Errorf("%q does not read back: %q, %v", want, again, err)
		}
	}
	for _, text := range []string{"", "bigin", "decimal(39,1)", "decimal(3,4)", "decimal(3", "int[", "struct()", "struct(a int, A int)", "int int", strings.Repeat("array(", 40) + "int"} {
		if got, err := ParseType(text); err == nil || KindOf(err) != Invalid {
			t.Errorf("%q gave %q, %v", text, got, err)
		}
	}
	var unknown *UnknownTypeError
	if _, err := ParseType("bigin"); !errors.As(err, &unknown) || unknown.Word != "bigin" {
		t.Errorf("the word is not named: %v", err)
	}
}

func FuzzParseType(f *testing.F) {
	f.Add("struct(a decimal(3,2)[], b json)")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseType(text)
		if err != nil {
			return
		}
		if again, err := ParseType(got.String()); err != nil || again.String() != got.String() {
			t.Errorf("%q reads as %q, which reads as %q, %v", text, got, again, err)
		}
	})
}

func TestRecordIDKeepsItsParts(t *testing.T) {
	var last RecordID
	for _, c := range []struct {
		shard uint8
		seq   Sequence
		index int
	}{{0, 0, 1}, {0, 1, 0}, {0, 1, MaxRecords}, {0, MaxSequence, MaxRecords}, {1, 0, 0}, {MaxShard, MaxSequence, MaxRecords}} {
		id := NewRecordID(c.shard, c.seq, c.index)
		if id.Shard() != c.shard || id.Sequence() != c.seq || id.Index() != c.index {
			t.Errorf("%+v gave %d: %d, %d, %d", c, id, id.Shard(), id.Sequence(), id.Index())
		}
		if id <= last {
			t.Errorf("%+v gave %d, which is not after %d", c, id, last)
		}
		last = id
		if back, err := ParseRecordID(id.String()); err != nil || back != id {
			t.Errorf("%s reads back as %d, %v", id, back, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "9223372036854775808", "1.0"} {
		if _, err := ParseRecordID(text); KindOf(err) != Invalid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTallySeesADoubledRecord(t *testing.T) {
	var whole, parts, doubled Tally
	whole.AddRange(NewRecordID(0, 7, 0), 100)
	for i := range 100 {
		parts.Add(NewRecordID(0, 7, 99-i))
	}
	if whole != parts {
		t.Errorf("order matters: %+v, %+v", whole, parts)
	}
	doubled = whole
	doubled.Add(NewRecordID(0, 7, 3))
	doubled = doubled.Minus(tallyOf(NewRecordID(0, 7, 4)))
	if doubled.Count != whole.Count || doubled.Hash == whole.Hash {
		t.Errorf("one record in place of another is not seen: %+v, %+v", doubled, whole)
	}
	if back := whole.Plus(parts).Minus(parts); back != whole {
		t.Errorf("plus and minus do not cancel: %+v", back)
	}
}

func tallyOf(id RecordID) (t Tally) {
	t.Add(id)
	return t
}
