package shape

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/nearest"
)

// Enrichment is one item of enrich: exactly one field is set. In YAML it is a
// name alone, or the name with options.
type Enrichment struct {
	URL         *Source        `yaml:"url" json:"url,omitempty" jsonschema:"description=The parts of an address: <column>_host\\, <column>_path\\, utm_source\\, utm_medium\\, utm_campaign."`
	Referer     *RefererSource `yaml:"referer" json:"referer,omitempty" jsonschema:"description=Where a visit came from: <column>_host\\, and <column>_kind: search\\, ai\\, social\\, internal\\, other or none."`
	UserAgent   *Source        `yaml:"user_agent" json:"user_agent,omitempty" jsonschema:"description=ua_browser\\, ua_browser_version\\, ua_os\\, ua_device of a browser's user agent."`
	Bot         *Source        `yaml:"bot" json:"bot,omitempty" jsonschema:"description=is_bot: whether the user agent is a program's\\, and bot_class: crawler\\, monitor\\, library\\, preview or ai."`
	Session     *SessionSource `yaml:"session" json:"session,omitempty" jsonschema:"description=Which events of a visitor belong together: a view <stream>_sessions of the table\\, with session_id and session_start."`
	IPAnonymize *Source        `yaml:"ip_anonymize" json:"ip_anonymize,omitempty" jsonschema:"description=Zeroes the last octet of an IPv4 address and the last 80 bits of an IPv6 address in the column itself. What is no address becomes null."`
}

// Source names the column an enrichment reads.
type Source struct {
	Column string `yaml:"column" json:"column,omitempty" jsonschema:"description=The column to read. Without it: the one of the enrichment's name; user_agent for bot\\, ip for ip_anonymize."`
}

// RefererSource is a Source with the site's own hosts.
type RefererSource struct {
	Column   string   `yaml:"column" json:"column,omitempty" jsonschema:"description=The column to read. Without it: referer."`
	Internal []string `yaml:"internal" json:"internal,omitempty" jsonschema:"description=The site's own hosts\\, with their subdomains. The host of the record's own url is internal too\\, where url is enriched."`
}

// EnrichmentNames are the words enrich knows.
func EnrichmentNames() []string {
	return []string{"url", "referer", "user_agent", "bot", "session", "ip_anonymize"}
}

// UnmarshalText reads the short form, the name alone.
func (e *Enrichment) UnmarshalText(text []byte) error {
	*e = Enrichment{}
	switch name := string(text); name {
	case "url":
		e.URL = &Source{}
	case "referer":
		e.Referer = &RefererSource{}
	case "user_agent":
		e.UserAgent = &Source{}
	case "bot":
		e.Bot = &Source{}
	case "session":
		e.Session = &SessionSource{}
	case "ip_anonymize":
		e.IPAnonymize = &Source{}
	default:
		hint := strings.Join(EnrichmentNames(), ", ")
		if near := nearest.Word(name, EnrichmentNames()); near != "" {
			hint = near
		}
		return fmt.Errorf("%q is not an enrichment; did you mean %s?", name, hint)
	}
	return nil
}

// parts is the enrichment's name, the column it reads, and how many fields are
// set: anything but one is a mistake.
func (e *Enrichment) parts() (name, column string, set int) {
	take := func(n, own, written string) {
		name, column = n, own
		if written != "" {
			column = written
		}
		set++
	}
	if e.URL != nil {
		take("url", "url", e.URL.Column)
	}
	if e.Referer != nil {
		take("referer", "referer", e.Referer.Column)
	}
	if e.UserAgent != nil {
		take("user_agent", "user_agent", e.UserAgent.Column)
	}
	if e.Bot != nil {
		take("bot", "user_agent", e.Bot.Column)
	}
	if e.Session != nil {
		take("session", "visitor_id", e.Session.Column)
	}
	if e.IPAnonymize != nil {
		take("ip_anonymize", "ip", e.IPAnonymize.Column)
	}
	return name, column, set
}

// UnmarshalJSON reads the stored form; the short form has no part in it.
func (e *Enrichment) UnmarshalJSON(text []byte) error {
	type plain Enrichment
	return json.Unmarshal(text, (*plain)(e))
}
