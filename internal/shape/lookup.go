package shape

import (
	"slices"

	"github.com/biwa-data/biwa/internal/jsontext"
)

// Seed is a table that lookups read: seeds/<name>.csv.
type Seed struct {
	Columns []string
	Rows    [][]string
}

// lookup maps a key's text to a value.
type lookup map[string]jsontext.Value

// lookup compiles a column's lookup; each value of the seed must fit the column.
func (c *compiler) lookup(path string, def *Lookup, f *field) lookup {
	seed := c.options.Lookups[def.Seed]
	if seed == nil {
		names := make([]string, 0, len(c.options.Lookups))
		for name := range c.options.Lookups {
			names = append(names, name)
		}
		slices.Sort(names)
		c.mistakes.add(path+".seed", didYouMean(def.Seed, names), "there is no seeds/%s.csv", def.Seed)
		return lookup{}
	}
	key, value := slices.Index(seed.Columns, def.Key), slices.Index(seed.Columns, def.Value)
	if key < 0 {
		c.mistakes.add(path+".key", didYouMean(def.Key, seed.Columns), "seeds/%s.csv has no column %q", def.Seed, def.Key)
	}
	if value < 0 {
		c.mistakes.add(path+".value", didYouMean(def.Value, seed.Columns), "seeds/%s.csv has no column %q", def.Seed, def.Value)
	}
	if key < 0 || value < 0 {
		return lookup{}
	}
	z := newZone(c.options.Location)
	probe := newColumn(f.typ, f.rules, &z)
	l := make(lookup, len(seed.Rows))
	for i, row := range seed.Rows {
		v := textValue(row[value])
		if _, twice := l[row[key]]; twice {
			c.mistakes.add(path+".key", "keep one of the rows", "seeds/%s.csv, row %d: the key %q is there twice", def.Seed, i+2, row[key])
			return l
		}
		if p := probe.put(0, &v); p != nil || len(v.Raw) > maxLiteralBytes {
			if p == nil {
				p = problemf("", "more than %d bytes", maxLiteralBytes)
			}
			c.mistakes.add(path+".value", "", "seeds/%s.csv, row %d: %s", def.Seed, i+2, p.message)
			return l
		}
		l[row[key]] = v
	}
	return l
}
