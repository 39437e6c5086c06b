package shape

import (
	"regexp"
	"strings"
)

// botPattern is a line of the list.
type botPattern struct {
	needs   needs
	matches func(text string) bool
	class   string
}

// ownBots are words, in small letters, that the list does not know or classes
// otherwise.
var ownBots = []struct{ word, class string }{
	{"kube-probe/", "monitor"}, {"elb-healthchecker/", "monitor"}, {"googlehc/", "monitor"}, {"google-cloud-scheduler", "monitor"}, {"prometheus/", "monitor"},
	{"datadog", "monitor"}, {"route53-health", "monitor"}, {"route 53 health", "monitor"}, {"health check", "monitor"}, {"healthcheck", "monitor"}, {"blackbox", "monitor"},
	{"consul health", "monitor"}, {"uptime", "monitor"}, {"pingdom", "monitor"}, {"lighthouse", "monitor"},
	{"amazonbot", "ai"}, {"chatgpt", "ai"}, {"gptbot", "ai"}, {"applebot-extended", "ai"},
	{"line-poker", "preview"}, {"facebookcatalog", "preview"},
	{"java/", "library"}, {"python", "library"}, {"libwww", "library"}, {"go-http-client", "library"}, {"okhttp", "library"}, {"axios/", "library"}, {"wget/", "library"}, {"curl/", "library"},
}

// botWord is a program's name for itself where no list knows it. The word bot ends
// there: fuboTV is an app of people.
var botWord = regexp.MustCompile(`bot(?:[^a-z]|s\b|$)|crawl|spider|slurp|feed|fetch|headless|scrapy`)

// botClass says what kind of program a user agent is, "" for a person's. device is
// what uaparser takes it for.
func (l *lists) botClass(text, device string) string {
	named := withoutModel(text)
	lower := strings.ToLower(named)
	for _, b := range ownBots {
		if strings.Contains(lower, b.word) {
			return b.class
		}
	}
	for _, b := range l.bots() {
		if b.needs.in(lower) && b.matches(named) {
			return b.class
		}
	}
	if botWord.MatchString(lower) || device == "Spider" && named == text {
		return "crawler"
	}
	return ""
}

// withoutModel leaves out what an Android phone says of itself in the first
// parentheses, such as CUBOT: makers choose names as they like. Programs that
// behave as phones name themselves elsewhere, or with an address.
func withoutModel(text string) string {
	start := strings.IndexByte(text, '(')
	if start < 0 {
		return text
	}
	length := strings.IndexByte(text[start:], ')')
	if length < 0 {
		return text
	}
	model := strings.ToLower(text[start : start+length])
	if !strings.Contains(model, "android") || strings.Contains(model, "compatible") || strings.Contains(model, "http") || strings.Contains(model, "@") {
		return text
	}
	return text[:start] + text[start+length+1:]
}
