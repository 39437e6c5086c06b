package shape

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a length of time as users write it: 500ms, 10m, 24h, 7d, 4w, 3y,
// or several of them together as in 1h30m. A day has 24 hours, a year 365 days.
type Duration time.Duration

const day = 24 * time.Hour

// durationUnits has the largest first, for String.
var durationUnits = []struct {
	name string
	size time.Duration
}{
	{"y", 365 * day}, {"w", 7 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond},
}

// ParseDuration reads what String writes.
func ParseDuration(text string) (Duration, error) {
	var total time.Duration
	rest := strings.TrimSpace(text)
	if rest == "" {
		return 0, badDuration(text)
	}
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		number, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, badDuration(text)
		}
		rest = rest[digits:]
		word := rest[:len(rest)-len(strings.TrimLeft(rest, "abcdefghijklmnopqrstuvwxyz"))]
		rest = strings.TrimLeft(rest[len(word):], " ")
		size := unitSize(word)
		part := number * float64(size)
		if size == 0 || part+float64(total) > float64(1<<62) {
			return 0, badDuration(text)
		}
		total += time.Duration(part)
	}
	return Duration(total), nil
}

func badDuration(text string) error {
	return fmt.Errorf("%q is not a duration: write a number with ms, s, m, h, d, w or y, such as 10m or 90d", text)
}

func unitSize(name string) time.Duration {
	for _, u := range durationUnits {
		if u.name == name {
			return u.size
		}
	}
	return 0
}

// String writes the largest units that leave whole numbers; years only where
// nothing is left, for 400d reads better than 1y35d.
func (d Duration) String() string {
	rest := time.Duration(d)
	if rest == 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range durationUnits {
		if u.name == "w" || u.name == "y" && rest%u.size != 0 {
			continue
		}
		if n := rest / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			rest %= u.size
		}
	}
	if b.Len() == 0 {
		return rest.String()
	}
	return b.String()
}

// MarshalText writes String's form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads ParseDuration's form.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDuration(string(text))
	return err
}

// Size is a number of bytes as users write it: 64MB, 1GiB, 512 KiB, 4096.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9}, {"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"KB", 1e3}, {"B", 1},
}

// ParseSize reads what String writes.
func ParseSize(text string) (Size, error) {
	text = strings.TrimSpace(text)
	digits := len(text) - len(strings.TrimLeft(text, "0123456789."))
	number, err := strconv.ParseFloat(text[:digits], 64)
	unit, factor := strings.TrimSpace(text[digits:]), int64(0)
	if unit == "" {
		unit = "B"
	}
	for _, u := range sizeUnits {
		if strings.EqualFold(u.name, unit) {
			factor = u.bytes
		}
	}
	if err != nil || factor == 0 || number*float64(factor) > float64(1<<62) {
		return 0, fmt.Errorf("%q is not a size: write a number of bytes, or one with KB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 64MB", text)
	}
	return Size(number * float64(factor)), nil
}

// String writes the largest unit that leaves a whole number.
func (s Size) String() string {
	for _, u := range sizeUnits {
		if s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText writes String's form.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads ParseSize's form.
func (s *Size) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSize(string(text))
	return err
}
