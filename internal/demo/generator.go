// Package demo is the traffic of the example platform: made up, but with the
// shares of a real site, among them what no one wants: bots, requests without a
// referer, malformed lines, doubles and heartbeats.
package demo

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// The streams of the example.
const (
	pageViews  = "page_views"
	actionLogs = "action_logs"
	purchases  = "purchases"
)

// Shares of the traffic. Those of bots and referers are a real site's.
const (
	shareActions   = 0.27  // of all records
	sharePurchases = 0.03  // of all records
	shareBots      = 0.195 // of page views
	shareNoReferer = 0.41  // of page views
	shareHeartbeat = 0.08  // of actions
	shareDoubles   = 0.02  // of actions and purchases
	shareBroken    = 0.003 // of all records: no JSON
	shareMisfit    = 0.005 // of all records: a value that does not fit
	// Most bots name no referer; so many readers must not either that the
	// share of all comes out.
	botsNoReferer    = 0.85
	readersNoReferer = (shareNoReferer - shareBots*botsNoReferer) / (1 - shareBots)
)

// doublesKept is how many lines may come again.
const doublesKept = 64

// Line is one record as it is sent.
type Line struct {
	Stream string
	Text   []byte // without a line break; not always JSON
	Number int64  // a page view's that fits, from 1 on, the record's n; 0 for all others
}

// Generator makes records. The same seed and start give the same records.
type Generator struct {
	random   *rand.Rand
	run      int64 // makes ids of one start differ from another's
	count    int64
	numbered int64 // page views with a number
	articles []article
	sent     map[string][][]byte // lines with a dedupe key, to send again
}

// NewGenerator returns a generator for a start of the demo.
func NewGenerator(seed uint64, start time.Time) (*Generator, error) {
	list, err := articles()
	if err != nil {
		return nil, err
	}
	run := start.UnixMicro()
	return &Generator{random: rand.New(rand.NewPCG(seed, uint64(run))), run: run, articles: list, sent: map[string][][]byte{}}, nil
}

// Run names the start of the demo in each page view's run.
func (g *Generator) Run() int64 { return g.run }

// Next makes the record of a moment.
func (g *Generator) Next(at time.Time) Line {
	g.count++
	var l Line
	var fields map[string]any
	switch part := g.random.Float64(); {
	case part < sharePurchases:
		l.Stream, fields = purchases, g.purchase(at)
	case part < sharePurchases+shareActions:
		l.Stream, fields = actionLogs, g.action(at)
	default:
		l.Stream, fields = pageViews, g.view(at)
	}
	fields["generated"] = true
	if l.Stream != pageViews {
		if before := g.sent[l.Stream]; len(before) > 0 && g.chance(shareDoubles) {
			l.Text = pick(g, before)
			return l
		}
	}
	broken := g.random.Float64()
	if broken >= shareBroken && broken < shareBroken+shareMisfit {
		g.misfit(l.Stream, fields)
	}
	if l.Stream == pageViews && broken >= shareBroken+shareMisfit {
		g.numbered++
		l.Number, fields["run"], fields["n"] = g.numbered, g.run, g.numbered
	}
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // of text, numbers and booleans alone
	}
	l.Text = text
	switch {
	case broken < shareBroken:
		l.Text = text[:len(text)/2+g.random.IntN(len(text)/2)]
	case broken < shareBroken+shareMisfit || l.Stream == pageViews:
	case len(g.sent[l.Stream]) < doublesKept:
		g.sent[l.Stream] = append(g.sent[l.Stream], text)
	default:
		g.sent[l.Stream][g.random.IntN(doublesKept)] = text
	}
	return l
}

func (g *Generator) chance(share float64) bool { return g.random.Float64() < share }

func pick[T any](g *Generator, of []T) T { return of[g.random.IntN(len(of))] }

// article draws one: a few are read by many.
func (g *Generator) article() article {
	a := int(g.random.ExpFloat64() * float64(len(g.articles)) / 4)
	return g.articles[a%len(g.articles)]
}

func (g *Generator) reader() int64 { return 1 + int64(g.random.ExpFloat64()*900) }

// id is a name that no other record of any start has.
func (g *Generator) id() string { return fmt.Sprintf("%x%06x", g.run, g.count) }

// when is a little before the record is sent, as the way takes its time.
func (g *Generator) when(at time.Time) string {
	return at.Add(-time.Duration(g.random.IntN(900)) * time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func (g *Generator) view(at time.Time) map[string]any {
	a := g.article()
	fields := map[string]any{"ts": g.when(at), "visitor_id": fmt.Sprintf("v-%05x", g.random.IntN(1<<15)), "props": map[string]any{"article_id": a.id}, "status": g.status(),
		"url": fmt.Sprintf("https://hotori.example/%s/articles/%d%s", a.language, a.id, g.campaign()),
		"ip":  fmt.Sprintf(pick(g, networks), 1+g.random.IntN(254))}
	bot := g.chance(shareBots)
	if bot {
		fields["user_agent"] = pick(g, bots)
	} else {
		fields["user_agent"] = pick(g, browsers)
		fields["seconds"] = float64(int(g.random.ExpFloat64()*450)) / 10
		if g.chance(0.35) {
			fields["reader_id"] = g.reader()
		}
	}
	share := readersNoReferer
	if bot {
		share = botsNoReferer
	}
	if !g.chance(share) {
		fields["referer"] = pick(g, referers)
	}
	return fields
}

func (g *Generator) status() int {
	switch {
	case g.chance(0.02):
		return 404
	case g.chance(0.002):
		return 500
	}
	return 200
}

func (g *Generator) campaign() string {
	if g.chance(0.12) {
		return pick(g, campaigns)
	}
	return ""
}

func (g *Generator) action(at time.Time) map[string]any {
	a := g.article()
	fields := map[string]any{"event_id": "act-" + g.id(), "ts": g.when(at), "reader_id": g.reader(), "site_id": "main"}
	if g.chance(shareHeartbeat) {
		fields["event"] = "heartbeat"
		return fields
	}
	fields["article_id"], fields["creator_id"] = a.id, a.creator
	switch part := g.random.Float64(); {
	case part < 0.55:
		fields["event"] = "view"
	case part < 0.82:
		fields["event"] = "like"
	case part < 0.84:
		fields["event"] = "unlike"
	case part < 0.92:
		fields["event"] = "follow"
	case part < 0.93:
		fields["event"] = "unfollow"
	default:
		fields["event"], fields["comment"] = "comment", pick(g, comments)
	}
	if g.chance(0.1) { // an older app
		fields["log"] = map[string]any{"payload": fmt.Sprintf(`{"app":"2.%d","screen":"article"}`, g.random.IntN(9))}
	}
	return fields
}

func (g *Generator) purchase(at time.Time) map[string]any {
	a := g.article()
	price := pick(g, prices)
	return map[string]any{"order_id": "ord-" + g.id(), "ts": g.when(at), "reader_id": g.reader(), "article_id": a.id, "amount_jpy": price,
		"method": pick(g, []string{"card", "card", "card", "konbini", "points"}),
		"items":  []any{map[string]any{"sku": fmt.Sprintf("art-%d", a.id), "quantity": 1, "price_jpy": price}}}
}

// misfit puts in a value that the stream's definition refuses.
func (g *Generator) misfit(stream string, fields map[string]any) {
	wrong := map[string][]func(){
		pageViews: {
			func() { fields["status"] = "ok" },
			func() { fields["seconds"] = -4.5 },
			func() { delete(fields, "url") },
			func() { fields["ts"] = "yesterday" },
		},
		actionLogs: {
			func() { fields["event"] = "lkie" },
			func() { fields["reader_id"] = "guest" },
			func() { delete(fields, "ts") },
		},
		purchases: {
			func() { fields["amount_jpy"] = "-500" },
			func() { fields["method"] = "cash" },
			func() { fields["coupon"] = "SPRING" },
		},
	}
	pick(g, wrong[stream])()
}
