package project

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/shape"
)

// folder writes a project: file names and texts by turns.
func folder(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func environ(pairs ...string) Environ {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func TestLoad(t *testing.T) {
	dir := folder(t, "biwa.yaml", `
name: demo
timezone: Asia/Tokyo
storage: {data: "${DATA:/tmp/x}"}
keys:
  - {name: site, scope: ingest, secret: "${SITE_KEY:?}", streams: [events]}
  - {name: admin, scope: admin, secret: file:secrets/admin}
limits: {memory: 4GiB, heavy_queries: 3, query_time: 1m30s}
flush: {size: 8 MiB}
environments:
  production:
    limits: {memory: "${MEMORY:?}"}
  test: {name: "${UNSET:?}"}
`, "secrets/admin", "0123456789abcdef0123\n", "seeds/codes.csv", "code,label\n1,one\n", "streams/events.yaml", `
event_time: ts
lateness: 10m
partition: [day(ts)]
columns:
  - {name: ts, type: timestamptz}
  - {name: n, type: bigint, default: 9007199254740993, one_of: [9007199254740993, 0x10]}
  - {name: flag, type: boolean, default: no}
  - {name: label, type: varchar, from: code, lookup: {seed: codes, key: code, value: label}}
  - name: sql
    type: varchar
    expr: |
      upper(label)
enrich: [{url: {column: label}}, bot]
time_range: off
retention: {raw: 400d}
`, "streams/.hidden.yaml", "nonsense: true")
	p, problems := Load(dir, environ("SITE_KEY", "a-long-enough-secret", "BIWA_ENV", "production", "MEMORY", "8GiB"))
	want := Problems{
		{File: "streams/events.yaml", Line: 8, Column: 42, Message: `the default of column flag: expected true or false, found "no"`},
		{File: "streams/events.yaml", Line: 14, Column: 34, Message: "there is no column user_agent", Suggestion: "write one of _record_id, _received_at, ts, n, flag, label, sql, label_host, label_path, utm_source, utm_medium, utm_campaign"},
	}
	if !reflect.DeepEqual(problems, want) {
		t.Fatalf("problems\n%v\nwant\n%v", problems, want)
	}
	c := p.Config
	got := fmt.Sprint(c.Name, " ", p.Location, " ", c.Storage.Data, " ", c.Keys[0].Secret, " ", c.Keys[1].Secret, " ", c.Limits.Memory, " ", c.Limits.HeavyQueries, " ", c.Limits.QueryTime, " ", c.Flush.Size, " ", c.Flush.Age, " ", c.Listeners.HTTP)
	if want := "demo Asia/Tokyo /tmp/x a-long-enough-secret 0123456789abcdef0123 8GiB 3 1m30s 8MiB 10s :2492"; got != want {
		t.Errorf("config %s\nwant   %s", got, want)
	}
	def := p.Streams["events"]
	if string(def.Columns[1].Default) != "9007199254740993" || string(def.Columns[1].OneOf[1]) != "16" || def.Columns[4].Expr != "upper(label)\n" || !def.TimeRange.Off ||
		def.Enrich[0].URL.Column != "label" || def.Enrich[1].Bot == nil || def.Lateness.String() != "10m" || def.Retention.Raw.String() != "400d" {
		t.Errorf("%+v", def)
	}
	if p.Seeds["codes"] == "" || len(p.Lookups["codes"].Rows) != 1 {
		t.Errorf("seeds %v", p.Seeds)
	}
}

func TestStreamProblems(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"unknown key", "colums: []\n", "1:1: unknown key colums; did you mean columns?"},
		{"unknown key inside", "columns:\n  - {name: a, type: int, defualt: 1}\n", "2:26: unknown key defualt; did you mean default?"},
		{"duplicate key", "filter: a\nfilter: b\n", "2:1: the key filter is there already, in line 1; keep one of them"},
		{"list expected", "partition: day(ts)\n", `1:12: expected a list, found "day(ts)"; write it in [ ]`},
		{"text expected", "filter: [a]\n", `1:9: expected text, found a list`},
		{"keys expected", "dedupe: 24h\n", `1:9: expected keys with values, found "24h"`},
		{"bool expected", "columns: [{name: a, type: int, not_null: yep}]\n", `1:42: expected true or false, found "yep"`},
		{"duration", "lateness: 10 minutes\n", `1:11: "10 minutes" is not a duration: write a number with ms, s, m, h, d, w or y, such as 10m or 90d`},
		{"size", "flush: {size: 64XB}\n", `1:15: "64XB" is not a size: write a number of bytes, or one with KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 64MB`},
		{"enrichment", "enrich: [urll]\n", `1:10: "urll" is not an enrichment; did you mean url?`},
		{"time range", "time_range: on\n", `1:13: "on" is not a time range: write off, or since, past and ahead`},
		{"type", "columns:\n  - name: a\n    type: bigit\n", `3:11: type "bigit": "bigit" is not a type; did you mean bigint?`},
		{"partition", "columns: [{name: ts, type: timestamptz}]\npartition: [day(st)]\n", `2:13: there is no column st; did you mean ts?`},
		{"pattern", "columns: [{name: a, type: varchar, pattern: '('}]\n", "1:45: column a: error parsing regexp: missing closing ): `(`; see https://github.com/google/re2/wiki/Syntax"},
		{"syntax", "columns: [\nfilter: x\n", `1:10: sequence end token ']' not found`},
		{"tab", "a:\n\tb: 1\n", "2:1: found character '\t' that cannot start any token"},
		{"two documents", "filter: 'true'\n---\nfilter: 'true'\n", "3:7: a second document in the file; put it into a file of its own"},
		{"alias", "filter: *nothing\n", "1:9: the alias has no anchor before it"},
		{"loop", "columns: &c [{name: a, type: json, default: *c}]\n", " the file is too large, or an alias stands within itself"},
		{"empty item", "columns:\n  -\n", "2:3: column  has no type; write one of boolean, int, bigint, double, decimal, varchar, date, timestamp, timestamptz, json, array, struct\n2:3: the column has no name\n" +
			"2:5: an empty item; take out the dash, or write something after it"},
		{"all at once", "evnt_time: ts\ncolumns:\n  - {name: a, type: in}\n  - {name: A, type: int, min: 3, max: 1}\nlateness: soon\n",
			"1:1: unknown key evnt_time; did you mean event_time?\n3:21: type \"in\": \"in\" is not a type; did you mean int?\n" +
				"4:12: columns a and A differ in letter case only; rename one of them\n" +
				`5:11: "soon" is not a duration: write a number with ms, s, m, h, d, w or y, such as 10m or 90d`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Load(folder(t, "biwa.yaml", "", "streams/s.yaml", tt.text), environ())
			got := strings.ReplaceAll(problems.Error(), "streams/s.yaml:", "")
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestConfigProblems(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"zone", "timezone: JST\n", `1:11: there is no time zone "JST"; did you mean Asia/Tokyo?`},
		{"zone misspelt", "timezone: Asia/Tokio\n", `1:11: there is no time zone "Asia/Tokio"; did you mean Asia/Tokyo?`},
		{"bundle", "bundle: cluster\n", `1:9: there is no bundle "cluster"; the cluster is not built yet; write single`},
		{"listener", "listeners: {http: 2492}\n", `1:19: "2492" is not an address to listen on; write host:port such as 127.0.0.1:2492, :2492 for every address, or off`},
		{"proxy", "trusted_proxies: [10.0.0.0/33]\n", `1:19: "10.0.0.0/33" is no address or network; write an address such as 10.0.0.1, or a network such as 10.0.0.0/8`},
		{"unset", "name: ${NAME:?}\n", `1:7: the environment variable NAME is not set; set it before you start biwa, or write ${NAME:default}`},
		{"unset, why", "name: ${NAME:? the project's name}\n", `1:7: the environment variable NAME is not set: the project's name; set it before you start biwa, or write ${NAME:default}`},
		{"unclosed", "name: ${NAME\n", "1:7: ${ without }; write $${ for a literal ${"},
		{"secret file", "keys: [{name: a, scope: read, secret: 'file:nowhere'}]\n", "1:39: the secret cannot be read"},
		{"key", "keys: [{name: a, scope: raed, secret: 0123456789abcdef, streams: [x]}]\n", `1:25: key a: there is no scope "raed"; write one of ingest, read, admin, public` + "\n1:67: key a: there is no stream x; the keys here are "},
		{"hash", "keys: [{name: a, scope: read, hash: md5:1}]\n", "1:37: key a: the hash does not read; write sha256: and 64 hexadecimal digits"},
		{"public key", "keys: [{name: a, scope: public, secret: 0123456789abcdef, rate: -1, origins: [https://a.example/, b.example]}]\n",
			"1:8: key a: a public key writes to exactly one stream, this one names 0; write streams: and one stream\n" +
				"1:65: key a: -1 is less than 1; write how many records a second it may bring\n" +
				`1:79: key a: "https://a.example/" has a path, and an origin ends with the host or the port: write https://a.example` + "\n" +
				`1:99: key a: "b.example" is no origin: write https://www.example.com, https://*.example.com, or * for every page`},
		{"origins of another key", "keys: [{name: a, scope: read, secret: 0123456789abcdef, origins: ['*']}]\n", "1:66: key a: only a public key has origins; take it out, or write scope: public"},
		{"no secret", "keys: [{name: a, scope: read}]\n", "1:8: key a has no secret; write secret: ${NAME:?} or hash: sha256:…"},
		{"number", "limits: {heavy_queries: many}\n", `1:25: expected a whole number, found "many"`},
		{"flow variable", "trusted_proxies: [${PROXY}]\n", "within [ ] and { } write \"${NAME}\" in quotes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Load(folder(t, "biwa.yaml", tt.text), environ())
			if got := strings.ReplaceAll(problems.Error(), "biwa.yaml:", ""); !strings.Contains(got, strings.TrimSpace(tt.want)) {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
	if _, problems := Load(t.TempDir(), environ()); len(problems) != 1 || !strings.HasPrefix(problems[0].Message, "there is no biwa.yaml in ") {
		t.Errorf("%v", problems)
	}
	_, problems := Load(folder(t, "biwa.yaml", "environments: {production: {}}\n"), environ("BIWA_ENV", "prodution"))
	if want := "biwa.yaml:1:1: BIWA_ENV names prodution, and environments has none of that name; did you mean production?"; problems.Error() != want {
		t.Errorf("got %v", problems)
	}
}

func TestExpand(t *testing.T) {
	tests := []struct{ text, want string }{
		{"plain", "plain"},
		{"a${SET}b${SET}", "aXbX"},
		{"${UNSET}", ""},
		{"${UNSET:default}", "default"},
		{"${EMPTY:default}", "default"},
		{"${UNSET:-default}", "default"},
		{"${SET:default}", "X"},
		{"${SET:?}", "X"},
		{"$${SET}", "${SET}"},
		{"$5 and $", "$5 and $"},
	}
	for _, tt := range tests {
		text, _ := json.Marshal(tt.text)
		p, problems := Load(folder(t, "biwa.yaml", "storage: {data: "+string(text)+"}\n"), environ("SET", "X", "EMPTY", ""))
		want := tt.want
		if want == "" {
			want = "data" // the default
		}
		if len(problems) > 0 || p.Config.Storage.Data != want {
			t.Errorf("%s: %q, %v, want %q", tt.text, p.Config.Storage.Data, problems, want)
		}
	}
}

func TestSeedProblems(t *testing.T) {
	_, problems := Load(folder(t, "biwa.yaml", "", "seeds/a.csv", "x,y\n1\n", "seeds/b.csv", "", "seeds/c.csv", "x,x\n", "seeds/d.csv", "x\n\xff\n", "seeds/ok.csv", "\ufeffx,y\n1,2\n"), environ())
	want := "seeds/a.csv:2:1: wrong number of fields\nseeds/b.csv: the file is empty; a seed is CSV with a header\nseeds/c.csv:1:1: the header has an empty name, or one twice\nseeds/d.csv: the file is not UTF-8; save it as CSV UTF-8"
	if problems.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", problems, want)
	}
}

func TestStreamNames(t *testing.T) {
	_, problems := Load(folder(t, "biwa.yaml", "", "streams/Page Views.yaml", "", "streams/a.yml", "", "streams/quarantine.yaml", "", "streams/notes.txt", ""), environ())
	if len(problems) != 3 || problems[0].Suggestion != "rename it to page_views.yaml" || problems[1].Suggestion != "rename it to a.yaml" {
		t.Errorf("%v", problems)
	}
}

// binder knows the columns of the schema and the word "condition".
type binder struct{}

func (binder) Bind(_ context.Context, schema record.Schema, expr string) (record.Type, error) {
	at := strings.Index(expr, "oops")
	switch {
	case at >= 0:
		line := strings.Count(expr[:at], "\n") + 1
		return record.Type{}, &BindError{Line: line, Column: at - strings.LastIndex(expr[:at], "\n"), Message: "no column oops", Suggestion: "did you mean ok?"}
	case expr == "condition":
		return record.Type{Kind: record.Boolean}, nil
	}
	return record.Type{Kind: record.Varchar}, nil
}

func TestBind(t *testing.T) {
	p, problems := Load(folder(t, "biwa.yaml", "", "streams/s.yaml", `filter: length(x)
columns:
  - {name: a, type: varchar, expr: "1 + oops"}
  - {name: b, type: varchar, expr: fine}
  - name: c
    type: varchar
    expr: |
      upper(
        oops)
  - name: d
    type: varchar
    expr: 2 + oops
`, "streams/ok.yaml", "filter: condition\n"), environ())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := `streams/s.yaml:1:9: filter: the filter is varchar, expected a condition that is true or false
streams/s.yaml:3:41: expression of column a: no column oops; did you mean ok?
streams/s.yaml:9:9: expression of column c: no column oops; did you mean ok?
streams/s.yaml:12:15: expression of column d: no column oops; did you mean ok?`
	if got := p.Bind(context.Background(), binder{}).Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestInit(t *testing.T) {
	dir := t.TempDir()
	written, err := Init(dir, `my "first" project`)
	if err != nil || len(written) != 5 {
		t.Fatal(written, err)
	}
	p, problems := Load(dir, environ())
	if len(problems) > 0 || p.Config.Name != `my "first" project` || len(p.Streams) != 1 {
		t.Fatalf("%+v %v", p.Config, problems)
	}
	if _, err := Init(dir, ""); record.KindOf(err) != record.Conflict {
		t.Errorf("a second time: %v", err)
	}
}

func TestExample(t *testing.T) {
	p, problems := Load(filepath.Join("..", "..", "examples", "publishing"), environ())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got := strings.Join(p.StreamNames(), " "); got != "action_logs page_views purchases" || p.Location.String() != "Asia/Tokyo" {
		t.Errorf("streams %s in %s", got, p.Location)
	}
}

// The committed pages are the generated ones: `BIWA_UPDATE=1 go test` writes them.
func TestReference(t *testing.T) {
	for kind, file := range map[string]string{"stream": "streams.md", "biwa": "biwa-yaml.md"} {
		want, err := Reference(kind)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("..", "..", "docs", file)
		if os.Getenv("BIWA_UPDATE") != "" {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/%s is not what the structs say (%v): run BIWA_UPDATE=1 go test ./internal/project", file, err)
		}
	}
}

// A view of sessions takes a name that a stream may have.
func TestSessionsViewTakesAName(t *testing.T) {
	views := "columns: [{name: visitor_id, type: varchar}]\nenrich: [session]\n"
	_, problems := Load(folder(t, "biwa.yaml", "name: a\n", "streams/views.yaml", views, "streams/views_sessions.yaml", "columns: []\n"), environ())
	if got, want := problems.Error(), "streams/views.yaml:2:10: session makes a view views_sessions, and streams/views_sessions.yaml a table of that name; rename one of the streams"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, problems := Load(folder(t, "biwa.yaml", "name: a\n", "streams/views.yaml", strings.Replace(views, "session]", "{session: {gap: 20m, longest: 1d}}]", 1)), environ()); len(problems) > 0 {
		t.Error(problems)
	}
}

// Every key has a description, and the defaults the tags name are the real ones.
func TestTags(t *testing.T) {
	var c Config
	c.defaults("")
	checkTags(t, reflect.ValueOf(c), "")
	checkTags(t, reflect.ValueOf(shape.Definition{Dedupe: &shape.Dedupe{}}), "")
}

func checkTags(t *testing.T, v reflect.Value, path string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Tag.Get("yaml") == "-" {
			continue
		}
		where := path + f.Tag.Get("yaml")
		tag := parseTag(f.Tag.Get("jsonschema"))
		if tag.description == "" || strings.Split(f.Tag.Get("json"), ",")[0] != f.Tag.Get("yaml") {
			t.Errorf("%s: description %q, json %q", where, tag.description, f.Tag.Get("json"))
		}
		if got := fmt.Sprint(v.Field(i)); strings.HasPrefix(where, "limits.") && got != tag.value {
			t.Errorf("%s: the tag says %s, the default is %s", where, tag.value, got)
		}
		if v.Field(i).Kind() == reflect.Struct {
			checkTags(t, v.Field(i), where+".")
		}
	}
}

func TestSchemas(t *testing.T) {
	for _, kind := range Kinds() {
		text, err := Schema(kind)
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", kind, err)
		}
		if !bytes.Contains(text, []byte(`"additionalProperties": false`)) {
			t.Errorf("%s: unknown keys are allowed", kind)
		}
	}
	if _, err := Schema("nothing"); record.KindOf(err) != record.NotFound {
		t.Error(err)
	}
}

// FuzzLoad reads any text as a stream and as the config: no panic, and every
// problem has a file.
func FuzzLoad(f *testing.F) {
	for _, s := range []string{"columns:\n  - {name: a, type: int}\n", "a: &x [*x]\n", "filter: |\n  x\n", "columns: [{name: a, type: 'struct(a int)', default: {a: [1, .inf]}}]", "? a\n: b", "<<: {a: 1}", "enrich: [{url: {column: a}}, bot]", "name: ${A:?}", "!!str x: 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 4096 {
			return
		}
		var problems Problems
		p := &Project{Streams: map[string]shape.Definition{}, documents: map[string]*document{}, Sources: map[string]*Source{}}
		p.loadStream("streams/s.yaml", "s", text, &problems)
		_ = p.Bind(context.Background(), binder{}) // a mistake is no crash
		doc := parseDocument(configFile, text, &problems)
		e := &expander{env: environ(), doc: doc}
		(&decoder{document: doc, expand: e.expand}).decode(&p.Config)
		p.Config.defaults("x")
		p.checkConfig(doc)
		for _, problem := range problems.sorted() {
			if problem.File == "" || problem.Message == "" || problem.Line < 0 {
				t.Fatalf("%+v", problem)
			}
		}
	})
}
