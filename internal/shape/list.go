package shape

import (
	"embed"
	"path"
	"regexp"
	"strings"
	"sync"
)

// What bot, user_agent and referer make of a record depends on lists. A definition names
// those that it was applied with, so that a generation goes on with its own after a
// release has newer ones, which make a generation of their own.
const (
	botsVersion   = "1.60.0"   // of the newest file in lists
	agentsVersion = "20260529" // of uap-go and its expressions; go.mod has it
	ownVersion    = "1"        // of the words in bot.go and referer.go: TestOwnWords tells when it rises
)

// listFiles are the lists of bots that scripts/lists makes, of this release and of those
// before: a pattern and a class a line.
//
//go:embed lists/bots-*.tsv
var listFiles embed.FS

// WithLists is the definition with the lists named that it is shaped by from now on.
func (d Definition) WithLists() Definition {
	d.Lists = ""
	for i := range d.Enrich {
		switch name, _, _ := d.Enrich[i].parts(); name {
		case "bot", "user_agent", "referer":
			d.Lists = "bots " + botsVersion + ", agents " + agentsVersion + ", own " + ownVersion
		}
	}
	return d
}

// lists are what a definition is shaped by.
type lists struct {
	bots   func() []botPattern
	agents agentCache
}

// knownLists are those of this binary, by the version of the list of bots.
var knownLists = sync.OnceValue(func() map[string]*lists {
	known := map[string]*lists{}
	files, err := listFiles.ReadDir("lists")
	if err != nil {
		panic(err) // they are part of the binary
	}
	for _, f := range files {
		version := strings.TrimSuffix(strings.TrimPrefix(f.Name(), "bots-"), ".tsv")
		known[version] = &lists{bots: sync.OnceValue(func() []botPattern { return readBots(path.Join("lists", f.Name())) })}
	}
	return known
})

// readBots makes the patterns when the first user agent comes, as uaparser's are made.
func readBots(file string) (list []botPattern) {
	text, err := listFiles.ReadFile(file)
	if err != nil {
		panic(err) // it is part of the binary
	}
	for line := range strings.Lines(string(text)) {
		if pattern, class, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			list = append(list, botPattern{needsOf(pattern), regexp.MustCompile(pattern).MatchString, class})
		}
	}
	return list
}

// listsOf are those that a definition names. One of before lists had versions names
// none: there was one list then.
func listsOf(d *Definition) *lists {
	version := "1.60.0"
	for part := range strings.SplitSeq(d.Lists, ", ") {
		if v, ok := strings.CutPrefix(part, "bots "); ok {
			version = v
		}
	}
	known := knownLists()
	if l := known[version]; l != nil {
		return l
	}
	return known[botsVersion] // a later release was here: its list is not in this one
}
