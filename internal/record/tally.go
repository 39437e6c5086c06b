package record

// Tally is a count of records together with the sum of their hashed ids modulo
// 2^64. Two sets of ids with the same Tally are, but for a chance of 2^-64, the
// same set; unlike an exclusive or, the sum also sees a record that occurs twice.
type Tally struct {
	Count int64  `json:"count"`
	Hash  uint64 `json:"hash,string"`
}

// HashID is the function behind Tally.Hash. It equals DuckDB's hash(bigint), so
// that `sum(hash(_record_id))` over a table gives the same number.
func HashID(id RecordID) uint64 {
	const m = 0xd6e8feb86659fd93
	x := uint64(id)
	x ^= x >> 32
	x *= m
	x ^= x >> 32
	x *= m
	x ^= x >> 32
	return x
}

// Add counts one record.
func (t *Tally) Add(id RecordID) {
	t.Count++
	t.Hash += HashID(id)
}

// AddRange counts n records with consecutive ids.
func (t *Tally) AddRange(first RecordID, n int) {
	for i := range n {
		t.Hash += HashID(first + RecordID(i))
	}
	t.Count += int64(n)
}

// Plus is the tally of both sets together.
func (t Tally) Plus(o Tally) Tally { return Tally{t.Count + o.Count, t.Hash + o.Hash} }

// Minus is the tally of t without o.
func (t Tally) Minus(o Tally) Tally { return Tally{t.Count - o.Count, t.Hash - o.Hash} }
