package console

import (
	"bytes"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/record"
)

// TestMessagesAreWhole looks at every message: both languages are there and want
// the same arguments, and the templates ask for none that is not there.
func TestMessagesAreWhole(t *testing.T) {
	places := regexp.MustCompile(`\{(\d)`)
	wanted := func(s string) map[string]bool {
		found := map[string]bool{}
		for _, m := range places.FindAllStringSubmatch(s, -1) {
			found[m[1]] = true
		}
		return found
	}
	for key, m := range messages {
		if strings.TrimSpace(m.en) == "" || strings.TrimSpace(m.ja) == "" {
			t.Errorf("%s: a language is missing", key)
		}
		en, ja := wanted(m.en), wanted(m.ja)
		for place := range ja {
			if !en[place] {
				t.Errorf("%s: {%s} is in Japanese only", key, place)
			}
		}
		for _, word := range []string{"successfully", "please", "Please", "oops", "!"} {
			if strings.Contains(m.en, word) {
				t.Errorf("%s: says %q", key, word)
			}
		}
	}
}

var asked = regexp.MustCompile(`T "([a-z.]+)"`)

func TestTemplatesAskForMessagesThatAreThere(t *testing.T) {
	for name, text := range templates(t) {
		for _, m := range asked.FindAllSubmatch(text, -1) {
			if _, ok := messages[string(m[1])]; !ok {
				t.Errorf("%s: there is no message %s", name, m[1])
			}
		}
	}
}

func TestEveryDoorHasAWord(t *testing.T) {
	for _, door := range record.Doors {
		for _, l := range []Language{English, Japanese} {
			if _, ok := messages["door."+door]; !ok {
				t.Errorf("door %s has no word", door)
			} else if word := (&Visit{Language: l}).Door(door); string(word) == door {
				t.Errorf("door %s has only its name in %s", door, l)
			}
		}
	}
}

// TestNothingIsInline looks for what the content security policy would refuse.
func TestNothingIsInline(t *testing.T) {
	inline := regexp.MustCompile(`\sstyle=|\son[a-z]+=|<script>|<style|https?://`)
	for name, text := range templates(t) {
		if m := inline.Find(bytes.ReplaceAll(text, []byte("http://localhost"), nil)); m != nil {
			t.Errorf("%s: has %q", name, m)
		}
	}
}

// TestEachFragmentHasItsId looks that what is sent as it changes can be replaced.
func TestEachFragmentHasItsId(t *testing.T) {
	for _, p := range append(pages(), demoPages()...) {
		p.parse()
		for _, name := range append(frameLive, p.live...) {
			f := p.set.Lookup(name)
			if f == nil {
				t.Errorf("page %s: there is no template %s", p.path, name)
				continue
			}
			if !strings.Contains(f.Tree.Root.String(), `id="`+name+`"`) {
				t.Errorf("page %s: fragment %s has no element with its id", p.path, name)
			}
		}
	}
}

func templates(t *testing.T) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	names, err := fs.Glob(files, "template/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = text
	}
	return found
}
