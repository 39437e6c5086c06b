package jsonata

import (
	"math"
	"strings"
)

// isoPicture is how times are written where no picture is given.
var isoPicture = parseDatePicture("[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]")

// maxPictureParts is how many components a picture of a time may have.
const maxPictureParts = 10_000

var timeFunctions = map[string]*builtin{
	"fromMillis": define("<n-s?s?:s>", 3, given(func(r *run, args []any) any {
		return r.formatTime(float(args[0]), argument(args, 1), argument(args, 2))
	})),
	"toMillis": define("<s-s?:n>", 2, given(func(r *run, args []any) any {
		s := args[0].(string)
		if picture, ok := argument(args, 1).(string); ok {
			return r.parseTime(s, picture)
		}
		return parseISO(s)
	})),
	"now": define("<s?s?:s>", 2, func(r *run, args []any) any {
		return r.formatTime(float64(r.now.UnixMilli()), argument(args, 0), argument(args, 1))
	}),
	"millis": define("<:n>", 0, func(r *run, _ []any) any { return float64(r.now.UnixMilli()) }),
}

// zone is the offset of a time zone. The reference implementation rounds the hours of a negative offset down but not its minutes.
type zone struct{ hours, minutes float64 }

func (r *run) formatTime(millis float64, picture, timezone any) string {
	var z zone
	if s, ok := timezone.(string); ok {
		offset := parseInt(s)
		z = zone{math.Floor(offset / 100), math.Mod(offset, 100)}
	}
	parts := isoPicture
	if s, ok := picture.(string); ok {
		r.work(len(s))
		parts = parseDatePicture(s)
	}
	if len(parts) > maxPictureParts {
		panic(mistake(codeMemory, 0).with("limit", float64(maxPictureParts)))
	}
	i := newInstant(millis + (60*z.hours+z.minutes)*60*1000)
	var out strings.Builder
	for n := range parts {
		s := parts[n].literal
		if parts[n].component != 0 {
			s = parts[n].format(i, z)
		}
		out.WriteString(r.text(s))
	}
	return out.String()
}

func (p *picturePart) format(i instant, z zone) string {
	switch {
	case strings.IndexByte("YMDdFWwXxHhms", p.component) >= 0:
		return p.formatNumber(i.fragment(p.component))
	case p.component == 'f':
		if p.integer == nil {
			panic(mistake("D3133", 0).withValue("f"))
		}
		return p.integer.format(i.fragment('f'))
	case p.component == 'Z' || p.component == 'z':
		return p.formatZone(z)
	case p.component == 'P':
		half := "am"
		if i.valid && i.utc.Hour() >= 12 {
			half = "pm"
		}
		if p.names == caseUpper {
			return strings.ToUpper(half)
		}
		return half
	case p.component == 'C' || p.component == 'E':
		return "ISO"
	}
	return "undefined"
}

func (p *picturePart) formatNumber(f float64) string {
	if p.component == 'Y' && p.digits != -1 {
		f = math.Mod(f, math.Pow(10, p.digits))
	}
	if p.names == caseNone {
		return p.integer.format(f)
	}
	var name string
	switch {
	case p.component != 'M' && p.component != 'x' && p.component != 'F':
		panic(mistake("D3133", 0).withValue(string(p.component)))
	case math.IsNaN(f):
		return "undefined"
	case p.component == 'F':
		name = dayNames[int(f)]
	default:
		name = monthNames[int(f)-1]
	}
	switch p.names {
	case caseUpper:
		name = strings.ToUpper(name)
	case caseLower:
		name = strings.ToLower(name)
	}
	if p.hasWidth && p.max >= 0 && float64(len(name)) > p.max {
		name = name[:int(p.max)]
	}
	return name
}

func (p *picturePart) formatZone(z zone) string {
	offset := z.hours*100 + z.minutes
	var s string
	switch digits := p.integer.mandatory; {
	case p.integer.regular > 0, digits == 3, digits == 4:
		s = p.integer.format(offset)
	case digits == 1, digits == 2:
		s = p.integer.format(z.hours)
		if z.minutes != 0 {
			s += ":" + parseIntegerPicture("00").format(z.minutes)
		}
	default:
		panic(mistake("D3134", 0).withValue(float64(digits)))
	}
	if offset >= 0 {
		s = "+" + s
	}
	if p.component == 'z' {
		s = "GMT" + s
	}
	if offset == 0 && p.zulu {
		s = "Z"
	}
	return s
}
