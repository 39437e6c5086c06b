package shape

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/ua-parser/uap-go/uaparser"
)

// agentParser reads user agents with uaparser's 1,200 expressions. Running them
// all takes milliseconds; so of each it is known which words a text that matches
// must have, and an expression whose words are missing is not run.
type agentParser struct {
	rules                      uaparser.RegexDefinitions
	browsers, systems, devices []needs
}

// needs are what a text must have for an expression to match: one word of each.
type needs []words

// words are alternatives, in small letters.
type words []string

// sharedAgentParser is made when the first user agent comes, for it takes memory
// that an idle node should not.
var sharedAgentParser = sync.OnceValue(func() *agentParser {
	parser, err := uaparser.New(uaparser.WithCacheSize(1))
	if err != nil {
		panic("shape: the built-in expressions of user agents: " + err.Error())
	}
	p := &agentParser{rules: *parser.RegexDefinitions}
	for _, r := range p.rules.UA {
		p.browsers = append(p.browsers, needsOf(r.Reg.String()))
	}
	for _, r := range p.rules.OS {
		p.systems = append(p.systems, needsOf(r.Reg.String()))
	}
	for _, r := range p.rules.Device {
		p.devices = append(p.devices, needsOf(r.Reg.String()))
	}
	return p
})

// parse gives what uaparser's own Parse does.
func (p *agentParser) parse(text string) (browser uaparser.UserAgent, os uaparser.Os, device uaparser.Device) {
	lower := strings.ToLower(text)
	exotic := len(lower) != len(text) || !isASCII(text) // letter case is not as simple there
	for i, r := range p.rules.UA {
		if exotic || p.browsers[i].in(lower) {
			if r.Match(text, &browser); browser.Family != "" {
				break
			}
		}
	}
	for i, r := range p.rules.OS {
		if exotic || p.systems[i].in(lower) {
			if r.Match(text, &os); os.Family != "" {
				break
			}
		}
	}
	for i, r := range p.rules.Device {
		if exotic || p.devices[i].in(lower) {
			if r.Match(text, &device); device.Family != "" {
				break
			}
		}
	}
	for _, family := range []*string{&browser.Family, &os.Family, &device.Family} {
		if *family == "" {
			*family = "Other"
		}
	}
	return browser, os, device
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (n needs) in(lower string) bool {
	for _, w := range n {
		if !slices.ContainsFunc(w, func(word string) bool { return strings.Contains(lower, word) }) {
			return false
		}
	}
	return true
}

func needsOf(expression string) needs {
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil
	}
	n := required(parsed)
	slices.SortStableFunc(n, func(a, b words) int { return cmp.Compare(b.shortest(), a.shortest()) })
	return n
}

// maxWords is the most alternatives worth searching for.
const maxWords = 400

// required are the needs of an expression, as far as its text tells.
func required(re *syntax.Regexp) needs {
	switch re.Op {
	case syntax.OpLiteral:
		literal := strings.ToLower(string(re.Rune))
		if len(literal) < 2 || !isASCII(literal) {
			return nil
		}
		return needs{{literal}}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var all needs
		for _, sub := range re.Sub {
			all = append(all, required(sub)...)
		}
		return all
	case syntax.OpAlternate:
		var either words
		for _, sub := range re.Sub {
			n := required(sub)
			if len(n) == 0 {
				return nil
			}
			either = append(either, slices.MaxFunc(n, func(a, b words) int { return cmp.Compare(a.shortest(), b.shortest()) })...)
		}
		if len(either) > maxWords {
			return nil
		}
		return needs{either}
	}
	return nil
}

// shortest is the length of the shortest word: the longer, the more is ruled out.
func (w words) shortest() int {
	n := len(w[0])
	for _, word := range w {
		n = min(n, len(word))
	}
	return n
}
