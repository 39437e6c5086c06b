package shape

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/biwa-data/biwa/internal/record"
)

// enrichment is an item of enrich, compiled.
type enrichment struct {
	name     string
	source   int   // schema position of the column it reads
	outputs  []int // and of those it sets
	internal []string
}

// enricher works out a row's columns from another of its columns, which is set.
type enricher interface{ enrich(row int) }

// enrichOrder has the order of work: addresses are made anonymous before anyone
// reads them, and the referer is compared with the url's host.
var enrichOrder = map[string]int{"ip_anonymize": 0, "url": 1, "referer": 2, "user_agent": 3, "bot": 4}

// enrichmentColumns are the columns an enrichment of a column adds.
func enrichmentColumns(name, column string) []record.Column {
	text := func(name, doc string) record.Column {
		return record.Column{Name: name, Type: record.Type{Kind: record.Varchar}, Doc: doc}
	}
	switch name {
	case "url":
		return []record.Column{
			text(column+"_host", "the host of "+column+", in lower case"), text(column+"_path", "the path of "+column),
			text("utm_source", "utm_source of "+column), text("utm_medium", "utm_medium of "+column), text("utm_campaign", "utm_campaign of "+column),
		}
	case "referer":
		return []record.Column{
			text(column+"_host", "the host of "+column+", in lower case"),
			text(column+"_kind", "search, ai, social, internal, other, or none without a "+column),
		}
	case "user_agent":
		return []record.Column{
			text("ua_browser", "the browser's name"), text("ua_browser_version", "the browser's version"),
			text("ua_os", "the operating system's name"), text("ua_device", "the device's name; Spider for crawlers, Other if unknown"),
		}
	case "bot":
		return []record.Column{{Name: "is_bot", Type: record.Type{Kind: record.Boolean}, Doc: "whether " + column + " is a program's rather than a person's"},
			text("bot_class", "crawler, monitor, library, preview or ai; null of a person's")}
	}
	return nil
}

// enrichments compiles the definition's enrich.
func (c *compiler) enrichments() {
	for i := range c.def.Enrich {
		path := fmt.Sprintf("enrich[%d]", i)
		e := &c.def.Enrich[i]
		name, column, set := e.parts()
		if set != 1 {
			c.mistakes.add(path, didYouMean("", EnrichmentNames()), "an item of enrich is one name, found %d", set)
			continue
		}
		if e.Session != nil {
			c.session(path, column, e.Session)
			continue
		}
		at := c.find(path, column)
		if at < 0 {
			continue
		}
		parsed := slices.ContainsFunc(c.shaper.fields, func(f field) bool { return f.at == at })
		if typ := c.shaper.schema[at].Type; typ.Kind != record.Varchar || !parsed {
			c.mistakes.add(path, "name another column with column:", "%s reads a varchar column that comes from the record; %s is not one", name, column)
			continue
		}
		out := enrichment{name: name, source: at}
		if e.Referer != nil {
			out.internal = e.Referer.Internal
		}
		for _, col := range enrichmentColumns(name, column) {
			if c.addColumn(path, col) {
				out.outputs = append(out.outputs, len(c.shaper.schema)-1)
			}
		}
		c.shaper.enrichments = append(c.shaper.enrichments, out)
	}
}

// newEnrichers connects the enrichments with a worker's columns.
func newEnrichers(s *Shaper, columns []column) []enricher {
	sorted := slices.Clone(s.enrichments)
	slices.SortStableFunc(sorted, func(a, b enrichment) int { return cmp.Compare(enrichOrder[a.name], enrichOrder[b.name]) })
	var list []enricher
	var host *text // of the record's own url
	agents := &agentLookup{lists: s.lists}
	for _, e := range sorted {
		source := &columns[e.source].(*textColumn).text
		out := func(i int) *text { return &columns[e.outputs[i]].(*textColumn).text }
		switch e.name {
		case "ip_anonymize":
			list = append(list, &addressEnricher{source: source})
		case "url":
			host = out(0)
			list = append(list, &urlEnricher{source: source, host: host, path: out(1), utm: [3]*text{out(2), out(3), out(4)}})
		case "referer":
			list = append(list, &refererEnricher{source: source, host: out(0), kind: out(1), own: host, internal: e.internal})
		case "user_agent":
			list = append(list, &agentEnricher{source: source, agents: agents, browser: out(0), version: out(1), os: out(2), device: out(3)})
		case "bot":
			list = append(list, &botEnricher{source: source, agents: agents, isBot: columns[e.outputs[0]].(*boolColumn), class: out(1)})
		}
	}
	return list
}
