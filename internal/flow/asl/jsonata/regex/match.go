package regex

// matcher is one run of the machine. What it may have to take back is on its stack: a choice is a place to go on from, a note is a
// capture or register with the value it had before.
type matcher struct {
	regex     *Regex
	text      []uint16
	budget    int
	captures  []int
	registers []int
	stack     []entry
}

type entry struct {
	kind entryKind
	pc   int32 // where a choice goes on; which capture or register a note is of
	at   int   // the position of a choice; the value of a note
	to   int   // of a greedy repetition, the last position to go back to; of a lazy one, how many more units it may take
}

type entryKind uint8

const (
	aChoice entryKind = iota
	aRepeat
	aLazyRepeat
	aCapture
	aRegister
)

func (m *matcher) push(e entry) bool {
	if len(m.stack) >= maxStack {
		return false
	}
	m.stack = append(m.stack, e)
	return true
}

func (m *matcher) setCapture(i, value int) bool {
	ok := m.push(entry{kind: aCapture, pc: int32(i), at: m.captures[i]})
	m.captures[i] = value
	return ok
}

func (m *matcher) setRegister(i, value int) bool {
	ok := m.push(entry{kind: aRegister, pc: int32(i), at: m.registers[i]})
	m.registers[i] = value
	return ok
}

// run matches from instruction pc at position at until opMatch and gives the position there, or -1 if there is no match.
func (m *matcher) run(pc, at int) (int, error) {
	base := len(m.stack)
	for {
		if m.budget--; m.budget < 0 {
			return 0, ErrBudget
		}
		if m.regex.code[pc].op == opMatch {
			return at, nil
		}
		next, to, ok, err := m.step(pc, at)
		if err != nil {
			return 0, err
		}
		if !ok {
			next, to, ok = m.back(base)
			if !ok {
				return -1, nil
			}
		}
		pc, at = next, to
	}
}

// step carries out one instruction. ok is false if it does not match here.
func (m *matcher) step(pc, at int) (next, to int, ok bool, err error) {
	i := &m.regex.code[pc]
	room := true
	switch i.op {
	case opUnit, opSet:
		unit, to, ok := m.take(at, i.back)
		if !ok || i.op == opUnit && unit != i.unit || i.op == opSet && !i.set.has(unit) {
			return 0, 0, false, nil
		}
		return pc + 1, to, true, nil
	case opRepeat:
		return m.repeat(i, pc, at)
	case opSplit:
		room = m.push(entry{kind: aChoice, pc: int32(i.b), at: at})
		pc = i.a - 1
	case opJump:
		pc = i.a - 1
	case opSave:
		room = m.setCapture(i.a, at)
	case opLineStart:
		if at > 0 && (!m.regex.multiline || !isLineEnd(m.text[at-1])) {
			return 0, 0, false, nil
		}
	case opLineEnd:
		if at < len(m.text) && (!m.regex.multiline || !isLineEnd(m.text[at])) {
			return 0, 0, false, nil
		}
	case opWordBoundary:
		before := at > 0 && isWord(m.text[at-1])
		after := at < len(m.text) && isWord(m.text[at])
		if (before != after) == i.negate {
			return 0, 0, false, nil
		}
	case opReference:
		to, ok := m.reference(i, at)
		return pc + 1, to, ok, nil
	case opLook:
		return m.look(i, pc, at)
	case opBegin:
		room = m.setRegister(i.a, 0)
	case opLoop:
		count := m.registers[i.a]
		switch {
		case count < i.min:
		case i.max >= 0 && count >= i.max:
			pc = i.b - 1
		case i.lazy:
			room = m.push(entry{kind: aChoice, pc: int32(pc + 1), at: at})
			pc = i.b - 1
		default:
			room = m.push(entry{kind: aChoice, pc: int32(i.b), at: at})
		}
	case opTurn:
		room = m.setRegister(i.a, m.registers[i.a]+1) && m.setRegister(i.a+1, at)
		for c := 2 * i.min; c < 2*i.max && room; c++ {
			if m.captures[c] >= 0 {
				room = m.setCapture(c, -1)
			}
		}
	case opEnd:
		if m.registers[i.a] > i.min && m.registers[i.a+1] == at {
			return 0, 0, false, nil
		}
		pc = i.b - 1
	}
	if !room {
		return 0, 0, false, ErrBudget
	}
	return pc + 1, at, true, nil
}

// take reads the unit after the position, or the one before it.
func (m *matcher) take(at int, back bool) (unit uint16, to int, ok bool) {
	if back {
		if at == 0 {
			return 0, 0, false
		}
		return m.text[at-1], at - 1, true
	}
	if at >= len(m.text) {
		return 0, 0, false
	}
	return m.text[at], at + 1, true
}

// repeat takes min units and then as many as it can, or as few.
func (m *matcher) repeat(i *instruction, pc, at int) (next, to int, ok bool, err error) {
	count, most := 0, i.max
	if i.lazy {
		most = i.min
	}
	least := at
	for most < 0 || count < most {
		unit, to, ok := m.take(at, i.back)
		if !ok || !i.set.has(unit) {
			break
		}
		at = to
		if count++; count == i.min {
			least = at
		}
	}
	if m.budget -= count; m.budget < 0 {
		return 0, 0, false, ErrBudget
	}
	if count < i.min {
		return 0, 0, false, nil
	}
	room := true
	switch {
	case i.lazy && i.max < 0:
		room = m.push(entry{kind: aLazyRepeat, pc: int32(pc), at: at, to: -1})
	case i.lazy && i.max > i.min:
		room = m.push(entry{kind: aLazyRepeat, pc: int32(pc), at: at, to: i.max - i.min})
	case count > i.min:
		room = m.push(entry{kind: aRepeat, pc: int32(pc), at: at, to: least})
	}
	if !room {
		return 0, 0, false, ErrBudget
	}
	return pc + 1, at, true, nil
}

func (m *matcher) reference(i *instruction, at int) (to int, ok bool) {
	start, end := m.captures[2*i.a], m.captures[2*i.a+1]
	if start < 0 || end < 0 {
		return at, true
	}
	length := end - start
	from := at
	if i.back {
		from = at - length
	}
	if from < 0 || from+length > len(m.text) {
		return 0, false
	}
	m.budget -= length
	for k := range length {
		x, y := m.text[start+k], m.text[from+k]
		if x != y && (!m.regex.fold || canonical(x) != canonical(y)) {
			return 0, false
		}
	}
	if i.back {
		return from, true
	}
	return from + length, true
}

// look tries the pattern of a look-around. What a positive one captured stays, its choices do not.
func (m *matcher) look(i *instruction, pc, at int) (next, to int, ok bool, err error) {
	base := len(m.stack)
	end, err := m.run(pc+1, at)
	if err != nil {
		return 0, 0, false, err
	}
	found := end >= 0
	if !found || i.negate {
		m.undo(base)
		return i.a, at, found != i.negate, nil
	}
	kept := m.stack[:base]
	for _, e := range m.stack[base:] {
		if e.kind == aCapture || e.kind == aRegister {
			kept = append(kept, e)
		}
	}
	m.stack = kept
	return i.a, at, true, nil
}

// undo takes back everything down to the stack's height base.
func (m *matcher) undo(base int) {
	for len(m.stack) > base {
		e := m.stack[len(m.stack)-1]
		m.stack = m.stack[:len(m.stack)-1]
		m.restore(e)
	}
}

func (m *matcher) restore(e entry) {
	switch e.kind {
	case aCapture:
		m.captures[e.pc] = e.at
	case aRegister:
		m.registers[e.pc] = e.at
	}
}

// back goes to the last choice above the stack's height base; ok is false if there is none.
func (m *matcher) back(base int) (pc, at int, ok bool) {
	for len(m.stack) > base {
		last := len(m.stack) - 1
		e := &m.stack[last]
		switch e.kind {
		case aChoice:
			pc, at = int(e.pc), e.at
			m.stack = m.stack[:last]
			return pc, at, true
		case aRepeat:
			pc = int(e.pc) + 1
			if m.regex.code[e.pc].back {
				e.at++
			} else {
				e.at--
			}
			at = e.at
			if e.at == e.to {
				m.stack = m.stack[:last]
			}
			return pc, at, true
		case aLazyRepeat:
			i := &m.regex.code[e.pc]
			unit, to, ok := m.take(e.at, i.back)
			if !ok || !i.set.has(unit) {
				m.stack = m.stack[:last]
				continue
			}
			pc, e.at = int(e.pc)+1, to
			if e.to > 0 {
				if e.to--; e.to == 0 {
					m.stack = m.stack[:last]
				}
			}
			return pc, to, true
		default:
			m.restore(*e)
			m.stack = m.stack[:last]
		}
	}
	return 0, 0, false
}
