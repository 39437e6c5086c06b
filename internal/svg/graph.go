package svg

import (
	"html/template"
	"strings"
)

// Graph is a directed graph to be drawn from the top down. An edge joins nodes of the same graph; what is inside a node is a graph of its own.
type Graph struct {
	Sentence string // says what the picture shows, for who cannot see it
	Nodes    []Node
	Edges    []Edge
}

// Node is a box with a label, or one of the small shapes.
type Node struct {
	ID     string // unique in its graph
	Label  string
	Note   string // a smaller line under the label
	Shape  Shape
	Way    Way
	State  string  // the shape before the label: done, run, wait, retry, fail, skip or none; nothing if empty
	Inside []Graph // drawn in the box side by side: the branches of a Parallel state, the processor of a Map state
}

// Edge is a line with an arrow. Edges against the direction of the others are found and drawn upward.
type Edge struct {
	From, To string // IDs
	Label    string
	Way      Way
}

// Shape is what a node looks like.
type Shape int

// The shapes of nodes.
const (
	Box    Shape = iota
	Choice       // a box whose corners are cut
	Start        // a dot
	End          // a dot in a circle
)

// Way says how a node or an edge relates to the way that was taken.
type Way int

// What has happened to a node or an edge.
const (
	Unknown Way = iota // no way is shown
	Taken
	Here // taken and not left
	Open // not taken
)

func (w Way) class() string { return [...]string{"", " past", " at", " todo"}[w] }

// DrawGraph draws a graph for a page that has the console's style sheet and its shapes (#done, #fail, …).
func DrawGraph(g Graph) template.HTML {
	l := arrange(&g)
	out := &canvas{}
	out.add(`<svg class="fsm" viewBox="0 0 `, number(l.width), ` `, number(l.height), `" role="img" aria-label="`, escape(g.Sentence), `">`)
	l.draw(out, 0, 0)
	out.add(`</svg>`)
	return template.HTML(out.String()) //nolint:gosec // every text in it is escaped
}

// GraphFile draws a graph as a file of its own, with its colours, for light and dark.
func GraphFile(g Graph) []byte {
	l := arrange(&g)
	out := &canvas{}
	size := `" width="` + number(l.width) + `" height="` + number(l.height)
	out.add(`<?xml version="1.0" encoding="UTF-8"?>`, "\n", `<svg xmlns="http://www.w3.org/2000/svg" class="fsm" viewBox="0 0 `, number(l.width), ` `, number(l.height), size,
		`" role="img" aria-label="`, escape(g.Sentence), `">`, "\n<title>", escape(g.Sentence), "</title>\n", fileStyle, fileShapes,
		`<rect class="paper" width="100%" height="100%"/>`, "\n")
	l.draw(out, 0, 0)
	out.add("\n</svg>\n")
	return []byte(out.String())
}

const fileStyle = `<style>
.fsm{--paper:#f3f6f6;--sheet:#fbfcfc;--ink:#12202a;--ink2:#44535c;--ink3:#5a6870;--ai:#10587c;--d4:#4683a0;--shu:#b02f18;--odo:#795400;
font:13px -apple-system,"Segoe UI",Inter,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,"Hiragino Sans","Noto Sans CJK JP",sans-serif;font-variant-numeric:tabular-nums}
@media (prefers-color-scheme:dark){.fsm{--paper:#0c1418;--sheet:#121c21;--ink:#dce5e6;--ink2:#a6b4b9;--ink3:#85959c;--ai:#7cc4de;--d4:#4b93ad;--shu:#f6826a;--odo:#d8a84e}}
.fsm text{fill:var(--ink)} .fsm .h{fill:var(--ink2);font-size:12px} .paper{fill:var(--paper)} .box{fill:var(--sheet);stroke:var(--ink3)} .e{fill:none;stroke:var(--ink3)} .sk{fill:var(--ink)}
.past{stroke:var(--d4);stroke-width:1.5} .at{stroke:var(--ai);stroke-width:2.5} .todo{stroke-dasharray:3 3}
#done{fill:var(--d4)} #run{fill:var(--ai);stroke:var(--ai)} #wait{fill:none;stroke:var(--ink3)} #retry{fill:none;stroke:var(--odo)} #fail{fill:none;stroke:var(--shu)} #skip{stroke:var(--ink3)} #none{fill:var(--ink3)}
</style>
`

// fileShapes are the shapes that stand before a label, as the console's pages have them.
var fileShapes = strings.Join([]string{
	`<defs>`,
	`<symbol id="done" viewBox="0 0 12 12"><rect x="1.5" y="1.5" width="9" height="9"/></symbol>`,
	`<symbol id="run" viewBox="0 0 12 12"><path d="M1.5 1.5h4.5v9H1.5z"/><rect x="1.5" y="1.5" width="9" height="9" fill="none"/></symbol>`,
	`<symbol id="wait" viewBox="0 0 12 12"><circle cx="6" cy="6" r="4.3" stroke-width="1.4"/></symbol>`,
	`<symbol id="retry" viewBox="0 0 12 12"><path d="M10 6A4 4 0 1 1 8.6 3M6 .6 8.9 2.9 6.2 5.2" stroke-width="1.4"/></symbol>`,
	`<symbol id="fail" viewBox="0 0 12 12"><path d="M2 2l8 8M10 2l-8 8" stroke-width="2.4"/></symbol>`,
	`<symbol id="skip" viewBox="0 0 12 12"><path d="M2 6h8" stroke-width="1.6"/></symbol>`,
	`<symbol id="none" viewBox="0 0 12 12"><circle cx="6" cy="6" r="1"/></symbol>`,
	`</defs>`, "\n",
}, "")
