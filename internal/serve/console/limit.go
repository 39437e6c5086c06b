package console

import (
	"slices"

	"github.com/biwa-data/biwa/internal/serve/api"
)

// Near are the limits of which most is used.
func (f *Frame) Near() []api.Limit {
	var near []api.Limit
	for _, l := range f.Limits {
		if used(l) >= nearShare {
			near = append(near, l)
		}
	}
	return near
}

// usedUnits are those in which what counts towards a limit is a part of it.
var usedUnits = []string{"bytes", "queries", "queries waiting", "milliseconds", "keys", "records a second"}

// used is how much of a limit is used, from 0 to 1; 0 where nothing counts
// towards it.
func used(l api.Limit) float64 {
	switch {
	case l.Value <= 0 || l.Now <= 0:
		return 0
	case l.Unit == "bytes free": // a reserve: it is used up as what is free comes down to it
		return float64(l.Value) / float64(l.Now)
	case slices.Contains(usedUnits, l.Unit):
		return float64(l.Now) / float64(l.Value)
	}
	return 0
}
