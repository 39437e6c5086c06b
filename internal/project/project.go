package project

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/nearest"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// Project is a folder that has been read.
type Project struct {
	Dir      string
	Config   Config
	Location *time.Location              // of Config.Timezone
	Streams  map[string]shape.Definition // by name: the file's, without .yaml
	Seeds    map[string]string           // the texts of seeds/<name>.csv, by name
	Lookups  map[string]*shape.Seed      // the same, read
	Sources  map[string]*Source          // the streams' files, by name
	Written  *Source                     // biwa.yaml; nil if it could not be read

	documents map[string]*document // of the streams, for the places in Bind
}

// configFile is the file that makes a folder a project.
const configFile = "biwa.yaml"

// Environ's variable that chooses one of the config's environments.
const environmentVariable = "BIWA_ENV"

const environmentsPath = "environments."

// Load reads the project in dir and checks all of it but its SQL, which Bind
// checks. With problems the project holds what could be read nevertheless.
func Load(dir string, env Environ) (*Project, Problems) {
	var problems Problems
	p := &Project{
		Dir: dir, Location: time.UTC, Streams: map[string]shape.Definition{}, Seeds: map[string]string{}, Lookups: map[string]*shape.Seed{},
		documents: map[string]*document{}, Sources: map[string]*Source{},
	}
	config := p.loadConfig(env, &problems)
	if config != nil {
		p.loadLocation(config)
	}
	p.loadSeeds(&problems)
	p.loadStreams(&problems)
	p.checkSessions()
	if config != nil {
		p.checkConfig(config)
	}
	return p, problems.sorted()
}

// loadConfig reads biwa.yaml, and over it the environment that is chosen.
func (p *Project) loadConfig(env Environ, problems *Problems) *document {
	folder := p.Dir
	if full, err := filepath.Abs(p.Dir); err == nil {
		folder = full
	}
	defer func() { p.Config.defaults(filepath.Base(folder)) }()
	text, err := os.ReadFile(filepath.Join(p.Dir, configFile))
	if err != nil {
		problem := Problem{File: configFile, Message: "cannot be read: " + err.Error()}
		if errors.Is(err, fs.ErrNotExist) {
			problem.Message = "there is no " + configFile + " in " + folder
			problem.Suggestion = "name the project's folder, or make a project with biwa init"
		}
		*problems = append(*problems, problem)
		return nil
	}
	doc := parseDocument(configFile, text, problems)
	p.Written = &Source{string(text), doc}
	e := &expander{dir: p.Dir, env: env, doc: doc}
	d := &decoder{document: doc, expand: e.expand}
	d.decode(&p.Config)
	name, _ := env(environmentVariable)
	if name == "" {
		return doc
	}
	overlay := doc.plain(doc.values[environmentsPath+name])
	if overlay == nil {
		names := slices.Sorted(maps.Keys(p.Config.Environments))
		doc.add(doc.keys["environments"], suggestKey(name, names), "%s names %s, and environments has none of that name", environmentVariable, name)
		return doc
	}
	d.structure(overlay, reflect.ValueOf(&p.Config).Elem(), "")
	return doc
}

// streamName is what a stream, and so its table, may be called.
var streamName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// loadStreams reads streams/*.yaml.
func (p *Project) loadStreams(problems *Problems) {
	for _, file := range p.files("streams", problems) {
		base := path.Base(file)
		name, isYAML := strings.CutSuffix(base, ".yaml")
		switch {
		case strings.HasSuffix(base, ".yml"):
			*problems = append(*problems, Problem{File: file, Message: "a stream's file ends in .yaml", Suggestion: "rename it to " + strings.TrimSuffix(base, ".yml") + ".yaml"})
			continue
		case !isYAML:
			continue
		case !streamName.MatchString(name):
			*problems = append(*problems, Problem{File: file, Message: "a stream's name has small letters, digits and _, starts with a letter and has at most 63 of them", Suggestion: renameTo(name, ".yaml")})
		case name == record.QuarantineTable:
			*problems = append(*problems, Problem{File: file, Message: "quarantine is the table of rejected records", Suggestion: "choose another name"})
		}
		text, err := os.ReadFile(filepath.Join(p.Dir, filepath.FromSlash(file)))
		if err != nil {
			*problems = append(*problems, Problem{File: file, Message: "cannot be read: " + err.Error()})
			continue
		}
		p.loadStream(file, name, text, problems)
	}
}

func renameTo(name, ending string) string {
	mended := strings.Trim(regexp.MustCompile(`[^a-z0-9_]+`).ReplaceAllString(strings.ToLower(name), "_"), "_0123456789")
	if !streamName.MatchString(mended) {
		return ""
	}
	return "rename it to " + mended + ending
}

// loadStream reads and checks one stream.
func (p *Project) loadStream(file, name string, text []byte, problems *Problems) {
	doc := parseDocument(file, text, problems)
	var def shape.Definition
	before := len(*problems)
	(&decoder{document: doc}).decode(&def)
	broken := map[place]bool{}
	for _, b := range (*problems)[before:] {
		broken[place{b.Line, b.Column}] = true
	}
	for _, m := range shape.Check(def, p.options(name)) {
		at := doc.place(m.Path)
		// What could not be read is left out, and that is no second mistake.
		if at == nil || !broken[place{at.Line, at.Column}] {
			doc.add(at, m.Suggestion, "%s", m.Message)
		}
	}
	p.Streams[name] = def
	p.documents[name], p.Sources[name] = doc, &Source{string(text), doc}
}

// checkSessions finds streams whose table has the name of another's view of sessions.
func (p *Project) checkSessions() {
	for _, name := range p.StreamNames() {
		for i, e := range p.Streams[name].Enrich {
			view := name + "_sessions"
			if _, taken := p.Streams[view]; e.Session != nil && taken {
				doc := p.documents[name]
				doc.add(doc.place(fmt.Sprintf("enrich[%d]", i)), "rename one of the streams", "session makes a view %s, and streams/%s.yaml a table of that name", view, view)
			}
		}
	}
}

// place is where in a file something is.
type place struct{ line, column int }

func (p *Project) options(stream string) shape.Options {
	return shape.Options{Name: stream, Location: p.Location, Lookups: p.Lookups}
}

// files are a folder's, by name; a folder that is not there has none.
func (p *Project) files(folder string, problems *Problems) []string {
	entries, err := os.ReadDir(filepath.Join(p.Dir, folder))
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			*problems = append(*problems, Problem{File: folder, Message: "cannot be read: " + err.Error()})
		}
		return nil
	}
	var files []string
	for _, e := range entries {
		if !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			files = append(files, path.Join(folder, e.Name()))
		}
	}
	return files
}

// StreamNames are the streams' names in order.
func (p *Project) StreamNames() []string { return slices.Sorted(maps.Keys(p.Streams)) }

// NearestStream is the stream somebody probably meant, "" if none is near.
func (p *Project) NearestStream(name string) string { return nearest.Word(name, p.StreamNames()) }
