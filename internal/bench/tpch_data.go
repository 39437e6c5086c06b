package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/shape"
)

// The tables of TPC-H, made after clause 4.2.3 of its specification: its numbers of
// rows, keys, ranges and words. The numbers drawn are our own, so answers are not
// those of TPC's files.

// tpchTable is one table: its columns as "name type", and its rows at a scale.
type tpchTable struct {
	name    string
	columns string
	rows    func(g *tpchData)
}

var tpchTables = []tpchTable{
	{"region", "r_regionkey int, r_name varchar, r_comment varchar", (*tpchData).regions},
	{"nation", "n_nationkey int, n_name varchar, n_regionkey int, n_comment varchar", (*tpchData).nations},
	{"supplier", "s_suppkey int, s_name varchar, s_address varchar, s_nationkey int, s_phone varchar, s_acctbal decimal(15,2), s_comment varchar", (*tpchData).suppliers},
	{"part", "p_partkey int, p_name varchar, p_mfgr varchar, p_brand varchar, p_type varchar, p_size int, p_container varchar, p_retailprice decimal(15,2), p_comment varchar", (*tpchData).parts},
	{"partsupp", "ps_partkey int, ps_suppkey int, ps_availqty int, ps_supplycost decimal(15,2), ps_comment varchar", (*tpchData).partSuppliers},
	{"customer", "c_custkey int, c_name varchar, c_address varchar, c_nationkey int, c_phone varchar, c_acctbal decimal(15,2), c_mktsegment varchar, c_comment varchar", (*tpchData).customers},
	{"orders", "o_orderkey bigint, o_custkey int, o_orderstatus varchar, o_totalprice decimal(15,2), o_orderdate date, o_orderpriority varchar, o_clerk varchar, o_shippriority int, o_comment varchar", (*tpchData).orders},
	{"lineitem", "l_orderkey bigint, l_partkey int, l_suppkey int, l_linenumber int, l_quantity decimal(15,2), l_extendedprice decimal(15,2), l_discount decimal(15,2), l_tax decimal(15,2), l_returnflag varchar, l_linestatus varchar, l_shipdate date, l_commitdate date, l_receiptdate date, l_shipinstruct varchar, l_shipmode varchar, l_comment varchar", (*tpchData).lineItems},
}

// definition is the table's stream.
func (t tpchTable) definition() shape.Definition {
	d := shape.Definition{UnknownFields: shape.UnknownQuarantine}
	for _, c := range strings.Split(t.columns, ", ") {
		name, kind, _ := strings.Cut(c, " ")
		d.Columns = append(d.Columns, shape.Column{Name: name, Type: kind, NotNull: true})
	}
	return d
}

var (
	tpchRegions = []string{"AFRICA", "AMERICA", "ASIA", "EUROPE", "MIDDLE EAST"}
	tpchNations = []struct {
		name   string
		region int
	}{{"ALGERIA", 0}, {"ARGENTINA", 1}, {"BRAZIL", 1}, {"CANADA", 1}, {"EGYPT", 4}, {"ETHIOPIA", 0}, {"FRANCE", 3}, {"GERMANY", 3}, {"INDIA", 2}, {"INDONESIA", 2}, {"IRAN", 4}, {"IRAQ", 4},
		{"JAPAN", 2}, {"JORDAN", 4}, {"KENYA", 0}, {"MOROCCO", 0}, {"MOZAMBIQUE", 0}, {"PERU", 1}, {"CHINA", 2}, {"ROMANIA", 3}, {"SAUDI ARABIA", 4}, {"VIETNAM", 2}, {"RUSSIA", 3}, {"UNITED KINGDOM", 3}, {"UNITED STATES", 1}}
	tpchColours = strings.Fields(`almond antique aquamarine azure beige bisque black blanched blue blush brown burlywood burnished chartreuse chiffon chocolate coral cornflower cornsilk cream cyan
		dark deep dim dodger drab firebrick floral forest frosted gainsboro ghost goldenrod green grey honeydew hot indian ivory khaki lace lavender lawn lemon light lime linen magenta maroon medium
		metallic midnight mint misty moccasin navajo navy olive orange orchid pale papaya peach peru pink plum powder puff purple red rose rosy royal saddle salmon sandy seashell sienna sky slate
		smoke snow spring steel tan thistle tomato turquoise violet wheat white yellow`)
	tpchTypes      = [3][]string{{"STANDARD", "SMALL", "MEDIUM", "LARGE", "ECONOMY", "PROMO"}, {"ANODIZED", "BURNISHED", "PLATED", "POLISHED", "BRUSHED"}, {"TIN", "NICKEL", "BRASS", "STEEL", "COPPER"}}
	tpchContainers = [2][]string{{"SM", "LG", "MED", "JUMBO", "WRAP"}, {"CASE", "BOX", "BAG", "JAR", "PKG", "PACK", "CAN", "DRUM"}}
	tpchSegments   = []string{"AUTOMOBILE", "BUILDING", "FURNITURE", "MACHINERY", "HOUSEHOLD"}
	tpchPriorities = []string{"1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"}
	tpchInstruct   = []string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	tpchModes      = []string{"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"}
	// Of comments only what the queries look for matters: "special" and "requests".
	tpchWords = [4][]string{{"special", "pending", "unusual", "express", "furious", "sly", "careful", "blithe", "quick", "fluffy", "slow", "quiet", "ruthless", "thin", "close", "dogged", "daring", "bold"},
		{"packages", "requests", "accounts", "deposits", "foxes", "ideas", "theodolites", "instructions", "dependencies", "excuses", "platelets", "asymptotes", "courts", "dolphins", "multipliers", "warthogs"},
		{"sleep", "wake", "are", "cajole", "haggle", "nag", "use", "boost", "affix", "detect", "integrate", "maintain", "nod", "was", "lose", "sublate", "solve", "thrash"},
		{"furiously", "slyly", "carefully", "blithely", "quickly", "fluffily", "slowly", "quietly", "ruthlessly", "thinly", "closely", "doggedly", "daringly", "boldly", "finally", "regularly"}}
)

var (
	tpchStart   = time.Date(1992, 1, 1, 0, 0, 0, 0, time.UTC)
	tpchCurrent = day(time.Date(1995, 6, 17, 0, 0, 0, 0, time.UTC))
	tpchLast    = day(time.Date(1998, 8, 2, 0, 0, 0, 0, time.UTC)) // of an order
)

func day(t time.Time) int { return int(t.Sub(tpchStart) / (24 * time.Hour)) }

// tpchData makes one table's rows as JSON lines and hands them over in parts.
type tpchData struct {
	r     *rand.Rand
	scale float64
	line  []byte
	count int64 // rows so far
	give  func(body []byte) error
	err   error
	dates []string // by day since tpchStart
}

// tpchPart is about how many bytes are handed over at once.
const tpchPart = 512 << 10

// make hands a table over; rows is how many it has.
func (t tpchTable) make(scale float64, give func(body []byte) error) (rows int64, err error) {
	g := &tpchData{r: rand.New(rand.NewPCG(22, 8)), scale: scale, give: give}
	for at := tpchStart; at.Year() < 1999; at = at.AddDate(0, 0, 1) {
		g.dates = append(g.dates, at.Format(time.DateOnly))
	}
	t.rows(g)
	if g.err == nil && len(g.line) > 0 {
		g.err = give(g.line)
	}
	return g.count, g.err
}

// of is how many rows a table has at the scale; a small one keeps what its keys need.
func (g *tpchData) of(rows int) int { return max(10, int(float64(rows)*g.scale)) }

func (g *tpchData) int(name string, v int) *tpchData {
	g.line = strconv.AppendInt(g.name(name), int64(v), 10)
	return g
}

// money is a decimal of hundredths.
func (g *tpchData) money(name string, v int) *tpchData {
	g.name(name)
	if v < 0 {
		g.line, v = append(g.line, '-'), -v
	}
	g.line = append(strconv.AppendInt(g.line, int64(v/100), 10), '.', byte('0'+v/10%10), byte('0'+v%10))
	return g
}

func (g *tpchData) text(name, v string) *tpchData {
	g.line = append(append(append(g.name(name), '"'), v...), '"')
	return g
}

func (g *tpchData) name(name string) []byte {
	if n := len(g.line); n == 0 || g.line[n-1] == '\n' {
		g.line = append(g.line, '{')
	} else {
		g.line = append(g.line, ',')
	}
	g.line = append(append(append(g.line, '"'), name...), '"', ':')
	return g.line
}

// end ends a row.
func (g *tpchData) end() {
	g.line = append(g.line, '}', '\n')
	g.count++
	if len(g.line) >= tpchPart && g.err == nil {
		g.err = g.give(g.line)
		g.line = make([]byte, 0, tpchPart+tpchPart/4)
	}
}

// between is a random number; both ends can come.
func (g *tpchData) between(from, to int) int { return from + g.r.IntN(to-from+1) }

func (g *tpchData) one(list []string) string { return list[g.r.IntN(len(list))] }

// comment is text of a length between two.
func (g *tpchData) comment(from, to int) string {
	n := g.between(from, to)
	b := make([]byte, 0, n+16)
	for i := 0; len(b) < n; i++ {
		b = append(append(b, g.one(tpchWords[i%4])...), ' ')
	}
	return string(b[:n])
}

// address is letters and digits.
func (g *tpchData) address() string {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ, "
	b := make([]byte, g.between(10, 40))
	for i := range b {
		b[i] = letters[g.r.IntN(len(letters))]
	}
	return string(b)
}

func (g *tpchData) phone(nation int) string {
	return fmt.Sprintf("%d-%d-%d-%d", nation+10, g.between(100, 999), g.between(100, 999), g.between(1000, 9999))
}

func (g *tpchData) regions() {
	for i, name := range tpchRegions {
		g.int("r_regionkey", i).text("r_name", name).text("r_comment", g.comment(31, 115)).end()
	}
}

func (g *tpchData) nations() {
	for i, n := range tpchNations {
		g.int("n_nationkey", i).text("n_name", n.name).int("n_regionkey", n.region).text("n_comment", g.comment(31, 114)).end()
	}
}

func (g *tpchData) suppliers() {
	for key := 1; key <= g.of(10_000) && g.err == nil; key++ {
		nation, comment := g.r.IntN(25), g.comment(25, 60)
		switch key % 2000 { // five of 10,000 suppliers each
		case 7:
			comment += " Customer " + g.one(tpchWords[1]) + " Complaints"
		case 1007:
			comment += " Customer " + g.one(tpchWords[1]) + " Recommends"
		}
		g.int("s_suppkey", key).text("s_name", fmt.Sprintf("Supplier#%09d", key)).text("s_address", g.address()).int("s_nationkey", nation).
			text("s_phone", g.phone(nation)).money("s_acctbal", g.between(-99_999, 999_999)).text("s_comment", comment).end()
	}
}

// price of a part, in hundredths.
func price(part int) int { return 90_000 + part/10%20_001 + 100*(part%1000) }

func (g *tpchData) parts() {
	for key := 1; key <= g.of(200_000) && g.err == nil; key++ {
		names := make([]string, 0, 5)
		for _, i := range g.r.Perm(len(tpchColours))[:5] {
			names = append(names, tpchColours[i])
		}
		maker := g.between(1, 5)
		g.int("p_partkey", key).text("p_name", strings.Join(names, " ")).text("p_mfgr", fmt.Sprintf("Manufacturer#%d", maker)).text("p_brand", fmt.Sprintf("Brand#%d%d", maker, g.between(1, 5))).
			text("p_type", g.one(tpchTypes[0])+" "+g.one(tpchTypes[1])+" "+g.one(tpchTypes[2])).int("p_size", g.between(1, 50)).
			text("p_container", g.one(tpchContainers[0])+" "+g.one(tpchContainers[1])).money("p_retailprice", price(key)).text("p_comment", g.comment(5, 22)).end()
	}
}

// supplier is the i-th of four that a part has.
func (g *tpchData) supplier(part, i int) int {
	s := g.of(10_000)
	return (part+i*(s/4+(part-1)/s))%s + 1
}

func (g *tpchData) partSuppliers() {
	for key := 1; key <= g.of(200_000) && g.err == nil; key++ {
		for i := range 4 {
			g.int("ps_partkey", key).int("ps_suppkey", g.supplier(key, i)).int("ps_availqty", g.between(1, 9999)).money("ps_supplycost", g.between(100, 100_000)).
				text("ps_comment", g.comment(49, 198)).end()
		}
	}
}

func (g *tpchData) customers() {
	for key := 1; key <= g.of(150_000) && g.err == nil; key++ {
		nation := g.r.IntN(25)
		g.int("c_custkey", key).text("c_name", fmt.Sprintf("Customer#%09d", key)).text("c_address", g.address()).int("c_nationkey", nation).text("c_phone", g.phone(nation)).
			money("c_acctbal", g.between(-99_999, 999_999)).text("c_mktsegment", g.one(tpchSegments)).text("c_comment", g.comment(29, 116)).end()
	}
}

// order is one order with its lines; orders and lineItems draw the same.
type order struct {
	key, customer, date, total int
	status                     string
	lines                      []line
}

type line struct {
	part, supplier, quantity, price, discount, tax, ship, commit, receipt int
	returned, status                                                      string
}

// eachOrder draws every order from a source of its own, so that two tables agree.
func (g *tpchData) eachOrder(visit func(o order)) {
	draw := rand.New(rand.NewPCG(19, 92))
	between := func(from, to int) int { return from + draw.IntN(to-from+1) }
	for i := 0; i < g.of(1_500_000) && g.err == nil; i++ {
		o := order{key: i/8*32 + i%8 + 1, date: between(0, tpchLast), status: "P"}
		for o.customer = between(1, g.of(150_000)); o.customer%3 == 0; {
			o.customer = between(1, g.of(150_000)) // a third of them never orders
		}
		open := 0
		for range between(1, 7) {
			l := line{part: between(1, g.of(200_000)), quantity: between(1, 50), discount: between(0, 10), tax: between(0, 8), ship: o.date + between(1, 121), commit: o.date + between(30, 90), returned: "N", status: "F"}
			l.supplier, l.price, l.receipt = g.supplier(l.part, between(0, 3)), l.quantity*price(l.part), l.ship+between(1, 30)
			if accepted := between(0, 1); l.receipt <= tpchCurrent {
				l.returned = []string{"R", "A"}[accepted]
			}
			if l.ship > tpchCurrent {
				l.status, open = "O", open+1
			}
			o.total += l.price * (100 + l.tax) / 100 * (100 - l.discount) / 100
			o.lines = append(o.lines, l)
		}
		switch open {
		case 0:
			o.status = "F"
		case len(o.lines):
			o.status = "O"
		}
		visit(o)
	}
}

func (g *tpchData) orders() {
	g.eachOrder(func(o order) {
		g.int("o_orderkey", o.key).int("o_custkey", o.customer).text("o_orderstatus", o.status).money("o_totalprice", o.total).text("o_orderdate", g.dates[o.date]).text("o_orderpriority", g.one(tpchPriorities)).
			text("o_clerk", fmt.Sprintf("Clerk#%09d", g.between(1, g.of(1000)))).int("o_shippriority", 0).text("o_comment", g.comment(19, 78)).end()
	})
}

func (g *tpchData) lineItems() {
	g.eachOrder(func(o order) {
		for i, l := range o.lines {
			g.int("l_orderkey", o.key).int("l_partkey", l.part).int("l_suppkey", l.supplier).int("l_linenumber", i+1).money("l_quantity", l.quantity*100).money("l_extendedprice", l.price).
				money("l_discount", l.discount).money("l_tax", l.tax).text("l_returnflag", l.returned).text("l_linestatus", l.status).text("l_shipdate", g.dates[l.ship]).text("l_commitdate", g.dates[l.commit]).
				text("l_receiptdate", g.dates[l.receipt]).text("l_shipinstruct", g.one(tpchInstruct)).text("l_shipmode", g.one(tpchModes)).text("l_comment", g.comment(10, 43)).end()
		}
	})
}
