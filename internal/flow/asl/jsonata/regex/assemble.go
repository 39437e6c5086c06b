package regex

// An instruction of the matching machine. What a and b are depends on the operation.
type instruction struct {
	op       operation
	back     bool // moves towards the start of the text: inside a look-behind
	lazy     bool
	negate   bool
	unit     uint16
	a, b     int
	min, max int
	set      *set
}

type operation uint8

const (
	opMatch        operation = iota // the pattern, or the look-around, has matched
	opUnit                          // unit
	opSet                           // a unit in set
	opRepeat                        // min to max units in set
	opSplit                         // go on at a, or else at b
	opJump                          // go on at a
	opSave                          // note the position in capture a
	opLineStart                     //
	opLineEnd                       //
	opWordBoundary                  // negate: not at one
	opReference                     // what capture group a holds
	opLook                          // look around: the pattern from the next instruction to its opMatch; then go on at a
	opBegin                         // set the loop counter in register a to 0
	opLoop                          // decide whether the loop of register a turns again (next instruction) or ends (at b)
	opTurn                          // begin a turn of the loop of register a: its groups [min, max) are reset
	opEnd                           // end a turn: fails if it was empty and not needed, else goes to opLoop at b; min as of the loop
)

type assembler struct {
	code      []instruction
	registers int
	fold      bool
}

func assemble(source string, tree *term, groups int, flags Flags) *Regex {
	a := &assembler{fold: flags.IgnoreCase}
	a.emit(tree, false)
	a.add(instruction{op: opMatch})
	return &Regex{
		source: source, code: a.code, groups: groups, registers: a.registers,
		fold: flags.IgnoreCase, multiline: flags.Multiline, first: a.first(tree),
	}
}

func (a *assembler) add(i instruction) int {
	a.code = append(a.code, i)
	return len(a.code) - 1
}

func (a *assembler) emit(t *term, back bool) {
	switch t.kind {
	case empty:
	case unit, class:
		if s := a.single(t); s != nil {
			a.add(instruction{op: opSet, set: s, back: back})
		} else {
			a.add(instruction{op: opUnit, unit: t.unit, back: back})
		}
	case sequence:
		for i := range t.terms {
			if back {
				i = len(t.terms) - 1 - i
			}
			a.emit(t.terms[i], back)
		}
	case choice:
		a.emitChoice(t, back)
	case capture:
		first, last := 2*t.group, 2*t.group+1
		if back {
			first, last = last, first
		}
		a.add(instruction{op: opSave, a: first})
		a.emit(t.terms[0], back)
		a.add(instruction{op: opSave, a: last})
	case reference:
		a.add(instruction{op: opReference, a: t.group, back: back})
	case loop:
		a.emitLoop(t, back)
	case lookAround:
		look := a.add(instruction{op: opLook, negate: t.negate})
		a.emit(t.terms[0], t.behind)
		a.add(instruction{op: opMatch})
		a.code[look].a = len(a.code)
	case lineStart:
		a.add(instruction{op: opLineStart})
	case lineEnd:
		a.add(instruction{op: opLineEnd})
	case wordBoundary:
		a.add(instruction{op: opWordBoundary, negate: t.negate})
	}
}

func (a *assembler) emitChoice(t *term, back bool) {
	var jumps []int
	for i, alternative := range t.terms {
		if i == len(t.terms)-1 {
			a.emit(alternative, back)
			break
		}
		split := a.add(instruction{op: opSplit})
		a.code[split].a = len(a.code)
		a.emit(alternative, back)
		jumps = append(jumps, a.add(instruction{op: opJump}))
		a.code[split].b = len(a.code)
	}
	for _, jump := range jumps {
		a.code[jump].a = len(a.code)
	}
}

func (a *assembler) emitLoop(t *term, back bool) {
	if t.max == 0 {
		return
	}
	body := t.terms[0]
	if body.kind == unit || body.kind == class {
		s := a.single(body)
		if s == nil {
			s = &set{}
			s.add(body.unit, body.unit)
		}
		a.add(instruction{op: opRepeat, set: s, min: t.min, max: t.max, lazy: t.lazy, back: back})
		return
	}
	register := a.registers
	a.registers += 2
	a.add(instruction{op: opBegin, a: register})
	decide := a.add(instruction{op: opLoop, a: register, min: t.min, max: t.max, lazy: t.lazy})
	a.add(instruction{op: opTurn, a: register, min: t.fromGroup, max: t.toGroup})
	a.emit(body, back)
	a.add(instruction{op: opEnd, a: register, b: decide, min: t.min})
	a.code[decide].b = len(a.code)
}

// single is the set of a term that matches one unit; nil for a unit that only matches itself.
func (a *assembler) single(t *term) *set {
	if t.kind == class {
		s := *t.set
		s.fold = a.fold
		return &s
	}
	if a.fold {
		s := &set{fold: true}
		s.add(t.unit, t.unit)
		return s
	}
	return nil
}

// first is a set that the first unit of every match is in; nil if a match can be empty or nothing simple is known.
func (a *assembler) first(t *term) *set {
	switch t.kind {
	case unit:
		s := &set{fold: a.fold}
		s.add(t.unit, t.unit)
		return s
	case class:
		return a.single(t)
	case capture:
		return a.first(t.terms[0])
	case loop:
		if t.min > 0 {
			return a.first(t.terms[0])
		}
	case sequence:
		if len(t.terms) > 0 {
			return a.first(t.terms[0])
		}
	}
	return nil
}
