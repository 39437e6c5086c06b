package console

import "html/template"

// State is a state's shape and its word; the colour only repeats them.
func (v *Visit) State(name string) template.HTML {
	return `<span class="st"><svg aria-hidden="true"><use href="#` + template.HTML(template.HTMLEscapeString(name)) + `"/></svg>` + v.T("state."+name) + `</span>`
}

// Flow is a stream's state: the shapes are those of States, the words its own.
func (v *Visit) Flow(name string) template.HTML {
	return `<span class="st"><svg aria-hidden="true"><use href="#` + template.HTML(template.HTMLEscapeString(name)) + `"/></svg>` + v.T("flow."+name) + `</span>`
}
