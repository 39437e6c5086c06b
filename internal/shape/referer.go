package shape

import (
	"bytes"
	"strings"
)

// refererEnricher sets <column>_host and <column>_kind.
type refererEnricher struct {
	source, host, kind *text
	own                *text // the host of the record's url; nil where it is not enriched
	internal           []string
	kinds              map[string]string // of hosts seen
}

// maxKinds bounds the hosts whose kind is remembered.
const maxKinds = 4096

func (e *refererEnricher) enrich(row int) {
	referer := e.source.get(row)
	if len(referer) == 0 || string(referer) == "-" {
		e.host.null(row)
		e.kind.set(row, "none")
		return
	}
	setLower(e.host, row, splitAddress(referer).host)
	host := e.host.get(row)
	if e.own != nil && len(host) > 0 && sameSite(host, e.own.get(row)) {
		e.kind.set(row, "internal")
		return
	}
	kind, known := e.kinds[string(host)]
	if !known {
		kind = e.kindOf(string(host))
		if e.kinds == nil || len(e.kinds) == maxKinds {
			e.kinds = map[string]string{}
		}
		e.kinds[string(host)] = kind
	}
	e.kind.set(row, kind)
}

// sameSite says that two hosts are one, or one a subdomain of the other.
func sameSite(a, b []byte) bool {
	if len(a) < len(b) {
		a, b = b, a
	}
	b = bytes.TrimPrefix(b, []byte("www."))
	return len(b) > 0 && bytes.HasSuffix(a, b) && (len(a) == len(b) || a[len(a)-len(b)-1] == '.')
}

func (e *refererEnricher) kindOf(host string) string {
	for _, own := range e.internal {
		if sameSite([]byte(host), []byte(strings.ToLower(own))) {
			return "internal"
		}
	}
	for strip := true; strip; {
		strip = false
		for _, prefix := range []string{"www.", "m.", "l.", "lm.", "mobile.", "search.", "images.", "cse.", "old.", "out."} {
			if rest, ok := strings.CutPrefix(host, prefix); ok && strings.Contains(rest, ".") {
				host, strip = rest, true
			}
		}
	}
	if kind, ok := siteKinds[host]; ok {
		return kind
	}
	name, top, _ := strings.Cut(host, ".")
	if searchNames[name] && isTop(top) {
		return "search"
	}
	return "other"
}

// siteKinds are sites under one domain.
var siteKinds = map[string]string{
	"duckduckgo.com": "search", "ecosia.org": "search", "brave.com": "search", "qwant.com": "search", "startpage.com": "search",
	"naver.com": "search", "daum.net": "search", "sogou.com": "search", "so.com": "search", "goo.ne.jp": "search", "seznam.cz": "search",
	"aol.com": "search", "ask.com": "search", "kagi.com": "search",

	"chatgpt.com": "ai", "chat.openai.com": "ai", "perplexity.ai": "ai", "gemini.google.com": "ai", "bard.google.com": "ai", "copilot.microsoft.com": "ai",
	"copilot.com": "ai", "claude.ai": "ai", "chat.deepseek.com": "ai", "chat.mistral.ai": "ai", "grok.com": "ai", "meta.ai": "ai", "poe.com": "ai", "you.com": "ai", "felo.ai": "ai", "genspark.ai": "ai",

	"facebook.com": "social", "fb.me": "social", "t.co": "social", "twitter.com": "social", "x.com": "social", "instagram.com": "social",
	"threads.net": "social", "threads.com": "social", "linkedin.com": "social", "lnkd.in": "social", "reddit.com": "social",
	"youtube.com": "social", "youtu.be": "social", "tiktok.com": "social", "pinterest.com": "social", "pinterest.jp": "social",
	"line.me": "social", "mixi.jp": "social", "b.hatena.ne.jp": "social", "news.ycombinator.com": "social", "bsky.app": "social",
	"mastodon.social": "social", "weibo.com": "social", "vk.com": "social", "t.me": "social", "tumblr.com": "social", "plus.google.com": "social",
}

// searchNames are engines that have a domain in many countries.
var searchNames = map[string]bool{"google": true, "bing": true, "yahoo": true, "baidu": true, "yandex": true}

// isTop says that a domain's rest is com, jp, co.jp and the like.
func isTop(top string) bool {
	second, country, two := strings.Cut(top, ".")
	if !two {
		return top == "com" || top == "org" || top == "net" || len(top) == 2
	}
	return (second == "co" || second == "com") && len(country) == 2
}
