package console

import (
	"context"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/serve/api"
)

// limitsPage answers: what will stop me, and when?
func limitsPage() *page {
	return &page{path: "/limits", entry: "limits", file: "limits.html", load: loadLimits, live: []string{"nearest", "limits"}}
}

type limitsData struct {
	Rows    []limitRow
	Near    []limitRow
	Nearest *limitRow // the one of which most is used, nil where none counts anything
	Since   time.Time
}

// limitRow is a limit and how much of it is used, from 0 to 1.
type limitRow struct {
	api.Limit
	Used, Most   float64
	Bar, PeakBar float64 // the same, in units of the bar's width
	Counted      bool    // something counts towards it now
}

const limitBar = 140.0

func loadLimits(_ context.Context, _ *Console, v *Visit) (any, error) {
	d := limitsData{Since: v.Frame.Started}
	for _, l := range v.Frame.Limits {
		peak := l
		peak.Now = l.Peak
		row := limitRow{Limit: l, Used: used(l), Most: used(peak), Counted: counted(l)}
		row.Bar, row.PeakBar = bar(row.Used), bar(row.Most)
		d.Rows = append(d.Rows, row)
	}
	for i := range d.Rows {
		row := &d.Rows[i]
		if row.IsNear() {
			d.Near = append(d.Near, *row)
		}
		if row.Counted && (d.Nearest == nil || row.Used > d.Nearest.Used) {
			d.Nearest = row
		}
	}
	return d, nil
}

// bar is a share of the bar's width; what is not zero is to be seen.
func bar(share float64) float64 {
	if share <= 0 {
		return 0
	}
	return math.Round(min(max(share*limitBar, 1), limitBar))
}

// IsNear says whether most of the limit is used.
func (r limitRow) IsNear() bool { return r.Used >= nearShare }

// counted says whether a limit has a present value: the size of a request and the
// length of a query are of the past when they are known.
func counted(l api.Limit) bool {
	return l.Key != "limits.body" && l.Key != "limits.query_time" && l.Key != "limits.idle_read"
}

// Part is a share from 0 to 1 in per cent.
func (v *Visit) Part(share float64) string { return v.Share(int64(math.Round(share*10000)), 10000) }

// Nearest names limits with how much of each is used.
func (v *Visit) Nearest(rows []limitRow) template.HTML {
	var words []string
	for _, r := range rows {
		words = append(words, string(v.T("limits.one", v.LimitName(r.Limit), v.Part(r.Used))))
	}
	return template.HTML(strings.Join(words, ", "))
}

// NowOf is what counts towards a limit at present.
func (v *Visit) NowOf(l api.Limit) template.HTML {
	switch l.Unit {
	case "bytes free":
		return v.T("limits.free", v.Bytes(l.Now))
	case "seconds kept; keys now":
		return v.T("limits.keys", l.Now)
	}
	return template.HTML(template.HTMLEscapeString(v.Quantity(l.Now, l.Unit)))
}

// AtMost is a limit's value.
func (v *Visit) AtMost(l api.Limit) template.HTML {
	switch l.Unit {
	case "bytes free":
		return v.T("limits.stops", v.Bytes(l.Value))
	case "seconds kept; keys now":
		return v.T("limits.kept", time.Duration(l.Value)*time.Second)
	case "milliseconds":
		return v.Took(time.Duration(l.Value) * time.Millisecond)
	}
	return template.HTML(template.HTMLEscapeString(v.Quantity(l.Value, l.Unit)))
}

// PeakOf is the most that counted towards a limit since the start.
func (v *Visit) PeakOf(l api.Limit) template.HTML {
	if l.Unit == "milliseconds" {
		return v.Took(time.Duration(l.Peak) * time.Millisecond)
	}
	return template.HTML(template.HTMLEscapeString(v.Quantity(l.Peak, l.Unit)))
}
