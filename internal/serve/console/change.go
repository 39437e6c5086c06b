package console

import (
	"html/template"
	"strings"
)

// Happened is what a change was, in one line.
func (v *Visit) Happened(c Change) template.HTML {
	switch c.Kind {
	case "definition":
		return v.T("change.definition", c.Name, c.Number)
	case "stream":
		return v.T("change.stream", c.Name)
	case "replay":
		return v.T("change.replay", c.Number, c.Name)
	case "settings":
		return v.T("change.settings")
	case "incident":
		return v.T("change.incident", c.Name)
	}
	return v.T("change.started")
}

// Because is a change's one line of why, "" where there is no more to say.
func (v *Visit) Because(c Change) template.HTML {
	switch {
	case c.Kind == "started" && c.Down > 0:
		return v.T("change.down", c.Down)
	case c.Kind == "incident":
		return template.HTML(template.HTMLEscapeString(c.By))
	}
	return v.Details(c.Detail)
}

// detailsShown is how many details one line has; the definition's page has all.
const detailsShown = 4

// Details writes what a definition changed.
func (v *Visit) Details(details []Detail) template.HTML {
	var parts []string
	for i, d := range details {
		if i == detailsShown {
			parts = append(parts, "+ "+v.N(len(details)-i))
			break
		}
		parts = append(parts, string(v.detail(d)))
	}
	return template.HTML(strings.Join(parts, "; "))
}

func (v *Visit) detail(d Detail) template.HTML {
	switch {
	case d.What == "column":
		return v.T("detail.column."+d.Kind, d.Name, d.Now, d.Was)
	case d.What == "seed":
		return v.T("detail.seed", d.Name)
	case d.Name != "":
		return v.T("detail.key.column", d.What, v.value(d.Now), v.value(d.Was), d.Name)
	}
	return v.T("detail.key", d.What, v.value(d.Now), v.value(d.Was))
}

// value is a definition's value in short; where it was not set it says so.
func (v *Visit) value(text string) template.HTML {
	if text == "" || text == "null" {
		return v.T("detail.none")
	}
	return template.HTML(template.HTMLEscapeString(strings.Trim(text, `"`)))
}
