package shape

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"
)

// A generation goes on with the list that it names after another has come.
func TestAGenerationIsShapedByItsOwnList(t *testing.T) {
	known := knownLists()
	if known[botsVersion] == nil {
		t.Fatalf("there is no list of version %s", botsVersion)
	}
	known["0.0.1"] = &lists{bots: func() []botPattern {
		return []botPattern{{needsOf("Walker"), func(s string) bool { return strings.Contains(s, "Walker") }, "monitor"}}
	}}
	t.Cleanup(func() { delete(known, "0.0.1") })
	def := Definition{Columns: []Column{{Name: "user_agent", Type: "varchar"}}, Enrich: []Enrichment{{Bot: &Source{}}}}
	const line = `{"user_agent":"Walker/1.0"}`
	for version, want := range map[string]string{"": "false null", "bots 0.0.1, agents 1, own 1": "true monitor", "bots 99.0.0, agents 1, own 1": "false null", def.WithLists().Lists: "false null"} {
		def.Lists = version
		b := shaped(t, compiled(t, def, Options{}), line)
		if got := cell(b, 0, "is_bot") + " " + cell(b, 0, "bot_class"); got != want {
			t.Errorf("lists %q: %s, want %s", version, got, want)
		}
	}
	if lists := (Definition{}).WithLists().Lists; lists != "" {
		t.Errorf("a definition that looks nothing up names %q", lists)
	}
}

// TestOwnWords: whoever changes what enrichments know by themselves raises ownVersion, and
// then the sum here.
func TestOwnWords(t *testing.T) {
	const want = "1 66212a153b064a7e"
	if got := fmt.Sprintf("%s %x", ownVersion, xxh3.HashString(fmt.Sprint(ownBots, botWord, siteKinds, searchNames))); got != want {
		t.Errorf("the words are %s, not %s: raise ownVersion", got, want)
	}
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(mod), "ua-parser/uap-go v0.0.0-"+agentsVersion) {
		t.Errorf("uap-go in go.mod is not of %s: write its date into agentsVersion", agentsVersion)
	}
}
