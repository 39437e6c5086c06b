package project

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Environ finds an environment variable, as os.LookupEnv does.
type Environ = func(name string) (string, bool)

// expander resolves ${NAME} and file: in the values of biwa.yaml:
//
//	${NAME}          the variable, or nothing where it is not set
//	${NAME:default}  the default where it is not set or empty; ${NAME:-default} likewise
//	${NAME:?}        a problem where it is not set or empty; ${NAME:?why} says why
//	$${              a literal ${
//	file:PATH        of a secret: the file's content, without the line's end
type expander struct {
	dir string
	env Environ
	doc *document
}

func (e *expander) expand(n ast.Node, path, text string, secret bool) (string, bool) {
	if strings.HasPrefix(path, environmentsPath) {
		return text, !strings.Contains(text, "${") // its variables are only set where it is chosen
	}
	var b strings.Builder
	ok := true
	for rest := text; ; {
		before, after, found := strings.Cut(rest, "${")
		if !found {
			b.WriteString(rest)
			break
		}
		if literal, escaped := strings.CutSuffix(before, "$"); escaped {
			b.WriteString(literal + "${")
			rest = after
			continue
		}
		inner, tail, closed := strings.Cut(after, "}")
		if !closed {
			e.doc.add(nodeStart(n), `write $${ for a literal ${`, "${ without }")
			return "", false
		}
		b.WriteString(before)
		value, fine := e.variable(n, inner)
		b.WriteString(value)
		ok = ok && fine
		rest = tail
	}
	if file, isFile := strings.CutPrefix(b.String(), "file:"); secret && isFile && ok {
		return e.file(n, file)
	}
	return b.String(), ok
}

// variable resolves what stands between the braces.
func (e *expander) variable(n ast.Node, inner string) (string, bool) {
	name, rest, hasRest := strings.Cut(inner, ":")
	if !isVariable(name) {
		e.doc.add(nodeStart(n), `write $${ for a literal ${`, "%q is not the name of a variable", name)
		return "", false
	}
	value, set := e.env(name)
	if value != "" || !hasRest {
		return value, true
	}
	why, required := strings.CutPrefix(rest, "?")
	if !required {
		return strings.TrimPrefix(rest, "-"), true
	}
	state := "is not set"
	if set {
		state = "is empty"
	}
	if why = strings.TrimSpace(why); why != "" {
		why = ": " + why
	}
	e.doc.add(nodeStart(n), "set it before you start biwa, or write ${"+name+":default}", "the environment variable %s %s%s", name, state, why)
	return "", false
}

func isVariable(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// file reads a secret.
func (e *expander) file(n ast.Node, path string) (string, bool) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.dir, filepath.FromSlash(path))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		e.doc.add(nodeStart(n), "", "the secret cannot be read: %v", err)
		return "", false
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" {
		e.doc.add(nodeStart(n), "", "the secret file is empty")
		return "", false
	}
	return secret, true
}
