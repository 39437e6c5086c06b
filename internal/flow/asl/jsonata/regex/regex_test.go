package regex_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/biwa-data/biwa/internal/flow/asl/jsonata/regex"
)

// TestMatch gives for a pattern and a text the whole match and the groups with | between them; - stands for no match or group.
func TestMatch(t *testing.T) {
	for _, c := range []struct{ pattern, flags, text, want string }{
		{`a|ab`, "", "abc", "a"},
		{`((a)|(ab))((c)|(bc))`, "", "abc", "abc|a|a|-|bc|-|bc"},
		{`a[a-z]{2,4}?`, "", "abcdefghi", "abc"},
		{`(aa|aabaac|ba|b|c)*`, "", "aabaac", "aaba|ba"},
		{`(z)((a+)?(b+)?(c))*`, "", "zaacbbbcac", "zaacbbbcac|z|ac|a|-|c"},
		{`(a*)*`, "", "b", "|-"},
		{`(?=(a+))a*b\1`, "", "baaabac", "aba|a"},
		{`(.*?)a(?!(a+)b\2c)\2(.*)`, "", "baaabaac", "baaabaac|ba|-|abaac"},
		{`(?<=\$)\d+`, "", "a $42", "42"},
		{`(?<!\$)\b\d+`, "", "$42 7", "7"},
		{`(?<=(\d+)(\d+))$`, "", "1053", "|1|053"},
		{`(?<year>\d{4})-\k<year>`, "", "2024-2024", "2024-2024|2024"},
		{`^b`, "m", "a\nb", "b"},
		{`^b`, "", "a\nb", "-"},
		{`É`, "i", "é", "é"},
		{`[^x]`, "", "", "-"},
		{`[]`, "", "a", "-"},
		{`[^]`, "", "\n", "\n"},
		{`.`, "", "\n\u2028x", "x"},
		{`\u0041\x42\103`, "", "ABC", "ABC"},
		{`a{,2}`, "", "a{,2}", "a{,2}"},
		{`\s+`, "", "a\u00a0\ufeffb", "\u00a0\ufeff"},
		{`[\d-x]+`, "", "1-x", "1-x"},
		{`\bfoo\B`, "", "foo food", "foo"},
		{`(?:)`, "", "abc", ""},
		{`x{0}y`, "", "xy", "y"},
		{`(a)|b\1`, "", "b", "b|-"},
	} {
		r, err := regex.Compile(c.pattern, regex.Flags{IgnoreCase: strings.Contains(c.flags, "i"), Multiline: strings.Contains(c.flags, "m")})
		if err != nil {
			t.Errorf("/%s/: %v", c.pattern, err)
			continue
		}
		text := utf16.Encode([]rune(c.text))
		budget := 100_000
		found, err := r.Match(text, 0, &budget)
		if err != nil {
			t.Errorf("/%s/: %v", c.pattern, err)
			continue
		}
		got := "-"
		if found != nil {
			var groups []string
			for i := 0; i < len(found); i += 2 {
				group := "-"
				if found[i] >= 0 {
					group = string(utf16.Decode(text[found[i]:found[i+1]]))
				}
				groups = append(groups, group)
			}
			got = strings.Join(groups, "|")
		}
		if got != c.want {
			t.Errorf("/%s/%s of %q: got %q, want %q", c.pattern, c.flags, c.text, got, c.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, pattern := range []string{`(`, `)`, `[`, `*`, `a**`, `a{2,1}`, `[b-a]`, `\`, `(?a)`, `(?<n>a)(?<n>b)`, `(?<n>a)\k<m>`, `(?<1>a)`, strings.Repeat("(", 1000)} {
		if _, err := regex.Compile(pattern, regex.Flags{}); err == nil {
			t.Errorf("/%.20s/ compiled", pattern)
		}
	}
}

func TestBudget(t *testing.T) {
	text := utf16.Encode([]rune(strings.Repeat("a", 40) + "b"))
	for _, pattern := range []string{`(a+)+$`, `(a|a)*c`, `(a*)*c`, `(?=(a+)+c)`} {
		r, err := regex.Compile(pattern, regex.Flags{})
		if err != nil {
			t.Fatal(err)
		}
		budget := 50_000
		if _, err := r.Match(text, 0, &budget); !errors.Is(err, regex.ErrBudget) {
			t.Errorf("/%s/: %v", pattern, err)
		}
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`(a+)+$|[^b-d]*?(?<=x)\1`, "aaaxb")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		r, err := regex.Compile(pattern, regex.Flags{IgnoreCase: true})
		if err != nil {
			return
		}
		units := utf16.Encode([]rune(text))
		budget := 20_000
		found, _ := r.Match(units, 0, &budget)
		for i := 0; i < len(found); i += 2 {
			if found[i] < -1 || found[i] > found[i+1] || found[i+1] > len(units) {
				t.Errorf("/%s/ of %q: %v", pattern, text, found)
			}
		}
	})
}
