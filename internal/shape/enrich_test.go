package shape

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/ua-parser/uap-go/uaparser"
)

func TestURL(t *testing.T) {
	tests := []struct{ url, host, path, utm string }{
		{"https://User:pw@WWW.Example.com:8443/a/b?x=1#frag", "www.example.com", "/a/b", "null null null"},
		{"http://example.com", "example.com", "/", "null null null"},
		{"http://example.com?utm_source=x", "example.com", "/", "x null null"},
		{"//cdn.example.com/x", "cdn.example.com", "/x", "null null null"},
		{"/only/path?utm_source=mail&utm_medium=e%2Dmail&utm_campaign=%E6%98%A5+sale", "null", "/only/path", "mail e-mail 春 sale"},
		{"/p?utm_source=%ff&utm_source=second&utm_medium=%zz", "null", "/p", "%ff %zz null"},
		{"http://[2001:db8::1]:80/x", "[2001:db8::1]", "/x", "null null null"},
		{"mailto:a@example.com", "null", "null", "null null null"},
		{"", "null", "null", "null null null"},
		{"http://", "null", "/", "null null null"},
	}
	s := compiled(t, Definition{Columns: []Column{{Name: "page", Type: "varchar"}}, Enrich: []Enrichment{{URL: &Source{Column: "page"}}}}, Options{})
	for _, tt := range tests {
		b := shaped(t, s, `{"page":"`+tt.url+`"}`)
		utm := strings.Join([]string{cell(b, 0, "utm_source"), cell(b, 0, "utm_medium"), cell(b, 0, "utm_campaign")}, " ")
		if h, p := cell(b, 0, "page_host"), cell(b, 0, "page_path"); h != tt.host || p != tt.path || utm != tt.utm {
			t.Errorf("%s: host %s, path %s, utm %s", tt.url, h, p, utm)
		}
	}
}

func TestReferer(t *testing.T) {
	tests := []struct{ referer, host, kind string }{
		{`"https://www.google.co.jp/search?q=x"`, "www.google.co.jp", "search"},
		{`"https://search.yahoo.co.jp/"`, "search.yahoo.co.jp", "search"},
		{`"https://mail.google.com/"`, "mail.google.com", "other"},
		{`"https://google.example.org/"`, "google.example.org", "other"},
		{`"https://t.co/abc"`, "t.co", "social"},
		{`"https://l.facebook.com/l.php"`, "l.facebook.com", "social"},
		{`"https://lake.example/x"`, "lake.example", "internal"},
		{`"https://blog.lake.example/x"`, "blog.lake.example", "internal"},
		{`"https://notlake.example/x"`, "notlake.example", "other"},
		{`"https://img.sister.example/x"`, "img.sister.example", "internal"},
		{`"https://chatgpt.com/"`, "chatgpt.com", "ai"},
		{`"https://chat.openai.com/"`, "chat.openai.com", "ai"},
		{`"https://www.perplexity.ai/search/x"`, "www.perplexity.ai", "ai"},
		{`"https://gemini.google.com/app"`, "gemini.google.com", "ai"},
		{`"https://copilot.microsoft.com/"`, "copilot.microsoft.com", "ai"},
		{`"-"`, "null", "none"},
		{`""`, "null", "none"},
		{`null`, "null", "none"},
		{`"not a url"`, "null", "other"},
	}
	s := compiled(t, Definition{
		Columns: []Column{{Name: "url", Type: "varchar"}, {Name: "referer", Type: "varchar"}},
		Enrich:  []Enrichment{{Referer: &RefererSource{Internal: []string{"Sister.example"}}}, {URL: &Source{}}},
	}, Options{})
	for _, tt := range tests {
		b := shaped(t, s, `{"url":"https://www.lake.example/y","referer":`+tt.referer+`}`)
		if h, k := cell(b, 0, "referer_host"), cell(b, 0, "referer_kind"); h != tt.host || k != tt.kind {
			t.Errorf("%s: host %s, kind %s, want %s, %s", tt.referer, h, k, tt.host, tt.kind)
		}
	}
}

func TestAgent(t *testing.T) {
	s := compiled(t, Definition{Columns: []Column{{Name: "user_agent", Type: "varchar", From: "ua"}}, Enrich: []Enrichment{{Bot: &Source{}}, {UserAgent: &Source{}}}}, Options{})
	tests := []struct{ ua, want string }{
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36", "false Chrome 32.0.1700 Mac OS X Mac"},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1", "false Mobile Safari 17.0 iOS iPhone"},
		{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "true Googlebot 2.1 Other Spider"},
		{"curl/8.0.1", "true curl 8.0.1 Other Other"},
		{"gibberish", "false Other null Other Other"},
		{"-", "null null null null null"},
	}
	for _, tt := range tests {
		b := shaped(t, s, `{"ua":"`+tt.ua+`"}`)
		got := strings.Join([]string{cell(b, 0, "is_bot"), cell(b, 0, "ua_browser"), cell(b, 0, "ua_browser_version"), cell(b, 0, "ua_os"), cell(b, 0, "ua_device")}, " ")
		if got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.ua, got, tt.want)
		}
	}
}

// What is not run for want of a word would not have matched.
func TestAgentParser(t *testing.T) {
	full, err := uaparser.New()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"": true, "ΩGooglebot/2.1 \u212aindle": true}
	for i, line := range webLog(t) {
		var r struct {
			UserAgent string `json:"user_agent"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if i%10 == 0 {
			seen[r.UserAgent] = true
		}
	}
	for text := range seen {
		browser, os, device := sharedAgentParser().parse(text)
		want := []any{*full.ParseUserAgent(text), *full.ParseOs(text), *full.ParseDevice(text)}
		if got := []any{browser, os, device}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %+v\nwant %+v", text, got, want)
		}
	}
}

func TestAnonymize(t *testing.T) {
	tests := []struct{ ip, want string }{
		{`"83.149.9.216"`, "83.149.9.0"},
		{`"2001:db8:1:2:3:4:5:6"`, "2001:db8:1::"},
		{`"fe80::1%eth0"`, "fe80::"},
		{`"::ffff:1.2.3.4"`, "1.2.3.0"},
		{`"1.2.3.4:5678"`, "1.2.3.0"},
		{`"[2001:db8::1]:443"`, "2001:db8::"},
		{`"1.2.3.4, 10.0.0.1"`, "1.2.3.0"},
		{`"localhost"`, "null"},
		{`null`, "null"},
	}
	s := compiled(t, Definition{Columns: []Column{{Name: "ip", Type: "varchar"}}, Enrich: []Enrichment{{IPAnonymize: &Source{}}}}, Options{})
	for _, tt := range tests {
		if got := verdict(t, s, "ip", `{"ip":`+tt.ip+`}`); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.ip, got, tt.want)
		}
	}
}

// The real web log has its known share of bots, and is the same from every
// worker at once.
func TestWebLog(t *testing.T) {
	lines := webLog(t)
	if lines == nil {
		t.Skip("SKIPPED LOUDLY: the real web log is not here")
	}
	s := compiled(t, Definition{EventTime: "ts", Columns: webColumns, Enrich: webEnrich, Partition: []string{"day(ts)"}}, Options{})
	var wg sync.WaitGroup
	counts := make([]map[string]int, 3)
	for n := range counts {
		counts[n] = map[string]int{}
		wg.Go(func() {
			b := shaped(t, s, lines...)
			if len(b.Rejects) > 0 {
				t.Errorf("%d rejects, the first: %+v", len(b.Rejects), b.Rejects[0])
			}
			for row := range int(b.Rows.NumRows()) {
				counts[n]["bot "+cell(b, row, "is_bot")]++
				counts[n]["referer "+cell(b, row, "referer_kind")]++
				counts[n]["day "+cell(b, row, "ts_day")]++
			}
		})
	}
	wg.Wait()
	for n, c := range counts {
		if c["day 2015-05-20"] == 0 || c["bot true"] < 1900 || c["bot true"] > 2400 || c["referer none"] < 4000 || c["referer none"] > 4200 {
			t.Errorf("worker %d: %v", n, c)
		}
	}
	t.Log(counts[0])
}
