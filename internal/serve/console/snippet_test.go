package console_test

import (
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/shape"
	"github.com/biwa-data/biwa/internal/testkit"
)

// awkward are streams that do not take just any record.
var awkward = map[string]shape.Definition{
	"required": {EventTime: "at", Columns: []shape.Column{{Name: "at", Type: "timestamptz", NotNull: true}, {Name: "user_id", Type: "bigint", NotNull: true},
		{Name: "name", Type: "varchar", NotNull: true}, {Name: "a", Type: "varchar"}, {Name: "b", Type: "varchar"}, {Name: "c", Type: "varchar"}, {Name: "d", Type: "varchar"},
		{Name: "e", Type: "varchar"}, {Name: "f", Type: "varchar"}, {Name: "g", Type: "varchar"}, {Name: "last", Type: "boolean", NotNull: true}}},
	"enums": {EventTime: "ts", Columns: []shape.Column{{Name: "ts", Type: "timestamp", NotNull: true}, {Name: "kind", Type: "varchar", NotNull: true, OneOf: literals(`"it's \"one\""`, `"two"`)},
		{Name: "level", Type: "int", NotNull: true, OneOf: literals("10", "20")}, {Name: "on", Type: "date", OneOf: literals(`"2026-01-01"`)}}},
	"formats": {EventTime: "ms", Columns: []shape.Column{{Name: "ms", Type: "timestamptz", Format: "epoch_ms", NotNull: true}, {Name: "s", Type: "timestamp", Format: "epoch_s", NotNull: true},
		{Name: "us", Type: "timestamptz", Format: "epoch_us"}, {Name: "ns", Type: "timestamptz", Format: "epoch_ns"}, {Name: "day", Type: "date", Format: "yyyymmdd", NotNull: true},
		{Name: "clf", Type: "timestamptz", Format: "%d/%b/%Y:%H:%M:%S %z", NotNull: true}, {Name: "us_time", Type: "timestamp", Format: "%A, %B %d %Y %-I:%M %p", NotNull: true}, {Name: "yearday", Type: "date", Format: "%Y-%j", NotNull: true}}},
	"numbers": {Columns: []shape.Column{{Name: "fraction", Type: "decimal(3,3)", NotNull: true}, {Name: "price", Type: "decimal(18,2)", NotNull: true, Min: shape.Literal("10.25")},
		{Name: "percent", Type: "double", NotNull: true, Min: shape.Literal("90"), Max: shape.Literal("100")}, {Name: "below", Type: "int", NotNull: true, Max: shape.Literal("-7")}, {Name: "whole", Type: "decimal(38)", NotNull: true}}},
	"nested": {Columns: []shape.Column{{Name: "tags", Type: "varchar[]", NotNull: true}, {Name: "items", Type: "struct(sku varchar, n int, price decimal(9,2), at timestamptz)[]", NotNull: true},
		{Name: "first", Type: "varchar", From: `log.items[1]."odd name"`, NotNull: true}, {Name: "log", Type: "json", NotNull: true}, {Name: "inner", Type: "struct(a int, b date)", From: "payload", Decode: "json", NotNull: true}}},
	"keyed": {EventTime: "ts", Columns: []shape.Column{{Name: "ts", Type: "timestamptz", NotNull: true}, {Name: "id", Type: "varchar", NotNull: true, Pattern: `^ord-[0-9a-f]{8,}$`}},
		Dedupe: &shape.Dedupe{Key: "id", Window: shape.Duration(86400e9)}, UnknownFields: shape.UnknownQuarantine},
	"numbered": {Columns: []shape.Column{{Name: "id", Type: "bigint", NotNull: true}}, Dedupe: &shape.Dedupe{Key: "id", Window: shape.Duration(86400e9)}},
	"worked_out": {EventTime: "ts", Partition: []string{"day(ts)"}, Columns: []shape.Column{{Name: "day", Type: "date", NotNull: true}, {Name: "hour", Type: "int", NotNull: true, Min: shape.Literal("0"), Max: shape.Literal("23")},
		{Name: "ts", Type: "timestamp", NotNull: true, Expr: "day + to_hours(hour)"}, {Name: "net", Type: "double", NotNull: true, Expr: "gross / 1.1"}, {Name: "gross", Type: "double"}}},
	"filtered": {EventTime: "ts", Columns: []shape.Column{{Name: "ts", Type: "timestamptz", NotNull: true}, {Name: "country", Type: "varchar"}, {Name: "active", Type: "boolean"}, {Name: "score", Type: "int"}},
		Filter: "country = 'JP' AND NOT active AND score > 10"},
	"evolving":  {UnknownFields: shape.UnknownEvolve, Columns: []shape.Column{{Name: "a", Type: "varchar"}}},
	"unlimited": {Columns: []shape.Column{{Name: "who", Type: "varchar", From: "_request.user_agent"}}},
}

func literals(texts ...string) (list []shape.Literal) {
	for _, t := range texts {
		list = append(list, shape.Literal(t))
	}
	return list
}

var (
	shownSnippet = regexp.MustCompile(`(?s)<label for="as\d+">([^<]*)</label><pre class="pick" tabindex="0">(.*?)</pre>`)
	curlSnippet  = regexp.MustCompile(`(?s)^curl (\S+) \\\n.*  -d '(.*)'$`)
)

// snippets are those of a stream's page, by client.
func snippets(page string) map[string]string {
	found := map[string]string{}
	for _, m := range shownSnippet.FindAllStringSubmatch(page, -1) {
		found[m[1]] = html.UnescapeString(m[2])
	}
	return found
}

// TestTheSnippetOfAStreamIsTakenByIt sends what each page shows, twice: it is neither
// refused nor rejected nor a copy, and SQL sees it.
func TestTheSnippetOfAStreamIsTakenByIt(t *testing.T) {
	projects := map[string]app.Project{"awkward": testkit.Project(awkward)}
	starter := t.TempDir()
	if _, err := project.Init(starter, "starter"); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"../../../examples/publishing", starter} {
		p, problems := project.Load(dir, os.LookupEnv)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		projects[filepath.Base(dir)] = app.Project{Name: "test", Location: p.Location, Streams: p.Streams, Seeds: p.Seeds}
	}
	for name, p := range projects {
		t.Run(name, func(t *testing.T) {
			n := testkit.Start(t, t.TempDir(), p)
			b := visitor(t, n)
			for _, stream := range slices.Sorted(maps.Keys(p.Streams)) {
				for range 2 {
					shown := snippets(b.get("/streams/" + stream))
					m := curlSnippet.FindStringSubmatch(shown["curl"])
					if m == nil {
						t.Fatalf("%s: no curl snippet: %q", stream, shown)
					}
					line := strings.ReplaceAll(m[2], `'\''`, "'")
					if !json.Valid([]byte(line)) {
						t.Fatalf("%s: %s is not JSON", stream, line)
					}
					if m[1] != n.URL+"/v1/events/"+stream {
						t.Errorf("%s: the snippet sends to %s", stream, m[1])
					}
					if status, text, _ := n.Do(http.MethodPost, "/v1/events/"+stream+"?wait=queryable", line); status != http.StatusOK {
						t.Errorf("%s: %s: %d %s", stream, line, status, text)
					}
					for _, client := range []string{"Go", "Fluent Bit"} {
						if shown[client] == "" {
							t.Errorf("%s: no snippet for %s", stream, client)
						}
					}
				}
				if got := n.One("SELECT count(*) FROM " + stream); got != "2" {
					t.Errorf("%s has %s rows of 2; rejected: %v; sent %s", stream, got, n.Query("SELECT message, line FROM quarantine WHERE stream = $1", stream), snippets(b.get("/streams/" + stream))["curl"])
				}
			}
			if got := n.One("SELECT count(*) FROM quarantine"); got != "0" {
				t.Errorf("%s records were rejected", got)
			}
			n.Balance()
		})
	}
}

// TestEveryPageThatAsksForAFirstRecordShowsOneThatPasses: Home, the stream, the table.
func TestEveryPageThatAsksForAFirstRecordShowsOneThatPasses(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"numbers": awkward["numbers"]}))
	b := visitor(t, n)
	for _, path := range []string{"/", "/streams/numbers", "/tables/numbers"} {
		wants(t, html.UnescapeString(b.get(path)), `-d '{"fraction":0,"price":10.25,"percent":90,"below":-7,"whole":1}'`)
	}
	guarded := n.Guarded(access.NewGuard([]access.Key{{Name: "looker", Scopes: []access.Scope{access.Read}, Hash: access.HashSecret("look")}}, nil))
	b = visitor(t, guarded)
	b.post(b.get("/"), "/login", "key", "look", "back", "/")
	wants(t, html.UnescapeString(b.get("/streams/numbers")), `-H "Authorization: Bearer $BIWA_KEY"`)
}

// TestTheBrowsersSnippetIsShownWhereItsEventsPass: visits takes what biwa.js sends.
func TestTheBrowsersSnippetIsShownWhereItsEventsPass(t *testing.T) {
	n := testkit.Start(t, t.TempDir(), testkit.Project(map[string]shape.Definition{"visits": visits, "required": awkward["required"]}))
	b := visitor(t, n)
	if snippets(b.get("/streams/visits"))["browser"] == "" {
		t.Error("the page of visits has no snippet for a browser")
	}
	if snippets(b.get("/streams/required"))["browser"] != "" {
		t.Error("the page of a stream that rejects page views offers to send them")
	}
}
