package console

import (
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/svg"
)

// numeric says whether values of an SQL type are numbers.
func numeric(sqlType string) bool {
	name, _, _ := strings.Cut(sqlType, "(")
	return slices.Contains([]string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE", "DECIMAL"}, name)
}

// temporal says whether values of an SQL type are days or times.
func temporal(sqlType string) bool {
	return sqlType == "DATE" || strings.HasPrefix(sqlType, "TIMESTAMP")
}

// counts says whether a column's numbers are amounts: ids, years and the like are
// numbers that only name something.
func counts(c api.Column) bool {
	name := strings.ToLower(c.Name)
	return numeric(c.Type) && name != "id" && !strings.HasSuffix(name, "_id") && !strings.HasSuffix(name, "year") && !strings.HasSuffix(name, "code") && name != "port"
}

// amount is a cell as a number.
func amount(c Cell) (float64, bool) {
	value, err := strconv.ParseFloat(c.Text, 64)
	return value, err == nil && !c.Null && !math.IsInf(value, 0) && !math.IsNaN(value)
}

// moment is a cell as a time; what has no zone is of this one.
func moment(c Cell, zone *time.Location) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, c.Text, zone); err == nil && !c.Null {
			return t, true
		}
	}
	return time.Time{}, false
}

// chartOf draws a result that has a time in each row, each time once, and something
// that is counted; nil for any other.
func chartOf(v *Visit, r Result, zone *time.Location) *resultChart {
	at := slices.IndexFunc(r.Columns, func(c api.Column) bool { return temporal(c.Type) })
	var drawn []int
	for i, c := range r.Columns {
		if counts(c) && len(drawn) < 2 {
			drawn = append(drawn, i)
		}
	}
	if at < 0 || len(drawn) == 0 || len(r.Rows) < 2 {
		return nil
	}
	d := &resultChart{Zone: zone.String()}
	for _, i := range drawn {
		d.Names = append(d.Names, r.Columns[i].Name)
	}
	lines := make([][]svg.Point, len(drawn))
	rows := slices.Clone(r.Rows)
	slices.SortStableFunc(rows, func(a, b []Cell) int { return strings.Compare(a[at].Text, b[at].Text) })
	for _, row := range rows {
		t, ok := moment(row[at], zone)
		if !ok || len(d.Points) > 0 && !t.After(d.Points[len(d.Points)-1].At) {
			return nil
		}
		point := chartPoint{At: t}
		for line, i := range drawn {
			value, ok := amount(row[i])
			if !ok {
				value = math.NaN()
			}
			point.Values = append(point.Values, group2(row[i].Text))
			lines[line] = append(lines[line], svg.Point{Time: t, Value: value})
		}
		d.Points = append(d.Points, point)
	}
	d.draw(v, lines, zone)
	return d
}

// draw makes the picture.
func (d *resultChart) draw(v *Visit, lines [][]svg.Point, zone *time.Location) {
	d.Every = step(lines[0])
	d.Bars = d.Every > 0 && v.Choice("chart", "line", "bar") == "bar"
	chart := svg.Chart{From: lines[0][0].Time, To: lines[0][len(lines[0])-1].Time, Zone: zone, Every: d.Every, Points: lines[0], Date: v.day, Height: 190}
	if len(lines) > 1 {
		chart.Second = lines[1]
	}
	if d.Bars {
		chart.To, chart.Second, d.Names = chart.To.Add(d.Every), nil, d.Names[:1]
		d.SVG = svg.BarChart(chart)
		return
	}
	d.SVG = svg.LineChart(chart)
}

// step is the distance of points that follow one another regularly, though some may
// be missing; 0 where they do not.
func step(points []svg.Point) time.Duration {
	least := time.Duration(math.MaxInt64)
	for i := 1; i < len(points); i++ {
		least = min(least, points[i].Time.Sub(points[i-1].Time))
	}
	if least < time.Second || points[len(points)-1].Time.Sub(points[0].Time)/least > time.Duration(20*len(points)) {
		return 0
	}
	return least
}

// Whole is a step in the largest unit that it is a whole number of.
func (v *Visit) Whole(d time.Duration) template.HTML {
	for _, u := range []struct {
		name string
		of   time.Duration
	}{{"days", 24 * time.Hour}, {"hours", time.Hour}, {"minutes", time.Minute}, {"seconds", time.Second}} {
		if d%u.of == 0 {
			return v.T("unit."+u.name, v.N(int64(d/u.of)))
		}
	}
	return v.Took(d)
}
