package asl

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"

	"github.com/biwa-data/biwa/internal/flow/asl/intrinsic"
	"github.com/biwa-data/biwa/internal/flow/asl/jsonata"
	"github.com/biwa-data/biwa/internal/flow/value"
)

// frame is what an expression of a state sees.
type frame struct {
	x         *Execution
	t         *thread
	s         *State
	data      any // $ of JSONPath
	input     any // $states.input
	result    any // $states.result
	hasResult bool
	failed    *value.Object // $states.errorOutput
	item      *mapItem      // $$.Map.Item while items are selected
	built     any           // the context object, once it is needed
	base      *value.Object // … without Map
	missed    bool          // an argument of an intrinsic function led nowhere
}

// mapItem is the item of a Map that an ItemSelector makes the input of.
type mapItem struct {
	index int
	value any
}

func (x *Execution) frame(t *thread, data any) *frame {
	return &frame{x: x, t: t, s: t.state, data: data, input: t.input}
}

// variable gives the value of a variable as it was when the state was entered.
func (f *frame) variable(name string) (any, bool) { return f.t.variableOf(name) }

// context is the context object: $$ of JSONPath, $states.context of JSONata.
func (f *frame) context() any {
	if f.x.override != nil {
		return f.x.override
	}
	if f.built == nil {
		f.built = f.buildContext()
	}
	return f.built
}

func (f *frame) buildContext() any {
	if f.base == nil {
		f.base = f.baseContext()
	}
	item := f.mapItem()
	if item == nil {
		return f.base
	}
	context := f.base.Clone()
	context.Set("Map", value.ObjectOf("Item", value.ObjectOf("Index", float64(item.index), "Value", item.value)))
	return context
}

// baseContext is the part of the context object that is the same for all items of a Map.
func (f *frame) baseContext() *value.Object {
	o := &f.x.options
	execution := value.ObjectOf("Id", o.ID, "Input", f.x.input, "StartTime", o.Start.UTC().Format(timeLayout), "Name", o.Name, "RoleArn", o.Role)
	if o.Kind != Express {
		execution.Set("RedriveCount", 0.0)
	}
	state := value.ObjectOf("Name", f.s.Name, "EnteredTime", f.t.since.UTC().Format(timeLayout))
	if f.s.Type == Task || f.s.Type == Map || f.s.Type == Parallel {
		state.Set("RetryCount", float64(f.t.retries))
	}
	context := value.ObjectOf("Execution", execution, "StateMachine", value.ObjectOf("Id", o.MachineID, "Name", o.MachineName), "State", state)
	if f.s.task != nil && f.s.task.integration.token {
		context.Set("Task", value.ObjectOf("Token", f.x.token(f.t)))
	}
	return context
}

// mapItem is the item being selected, or that of the iteration around the state.
func (f *frame) mapItem() *mapItem {
	if f.item != nil {
		return f.item
	}
	for t := f.t; t.parent != nil; t = t.parent {
		if t.machine.Parent.Type == Map {
			return &mapItem{t.index, t.item}
		}
	}
	return nil
}

// token names the task that the thread has out or is about to send out.
func (x *Execution) token(t *thread) string {
	text := fmt.Sprintf("%s#%d.%d", x.options.ID, t.number, t.retries)
	return base64.URLEncoding.EncodeToString([]byte(strconv.FormatInt(t.entered, 10) + ":" + text))
}

// uuid makes a random UUID (version 4).
func (x *Execution) uuid() string {
	var b [16]byte
	for i := 0; i < 16; i += 8 {
		n := x.random.Uint64()
		for j := range 8 {
			b[i+j] = byte(n >> (8 * j))
		}
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// float draws a number from [0, 1).
func (x *Execution) float() float64 { return rand.New(x.random).Float64() }

// intrinsics is what intrinsic functions see; paths are their compiled arguments.
func (f *frame) intrinsics(paths map[string]*path) intrinsic.Env {
	return intrinsic.Env{
		Path: func(text string) (any, error) {
			v, err := paths[text].lookup(f)
			if err != nil {
				f.missed = true
				return nil, intrinsic.Missing(text, value.Text(f.data))
			}
			return v, nil
		},
		Random: f.x.float,
		UUID:   f.x.uuid,
	}
}

// evaluate runs a JSONata expression; defined is false if it returns nothing.
func (f *frame) evaluate(e *jsonata.Expression) (v any, defined bool, err error) {
	f.x.queries++
	variables := make(map[string]any, 4)
	for _, reference := range e.Variables() {
		if reference.Name == "states" {
			f.addStates(variables, reference.Path)
			continue
		}
		if v, ok := f.variable(reference.Name); ok {
			variables[reference.Name] = v
		}
	}
	return e.Eval(jsonata.Undefined, variables, jsonata.Env{Now: f.x.now, Random: f.x.float, UUID: f.x.uuid})
}

// addStates gives an expression those members of $states that it names, or all if it does not say which.
func (f *frame) addStates(variables map[string]any, steps []string) {
	states, _ := variables["states"].(*value.Object)
	if states == nil {
		states = value.NewObject(4)
		variables["states"] = states
	}
	all := len(steps) == 0
	if all || steps[0] == "input" {
		states.Set("input", f.input)
	}
	if all || steps[0] == "context" {
		states.Set("context", f.context())
	}
	if f.hasResult && (all || steps[0] == "result") {
		states.Set("result", f.result)
	}
	if f.failed != nil && (all || steps[0] == "errorOutput") {
		states.Set("errorOutput", f.failed)
	}
}
