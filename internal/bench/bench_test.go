package bench

import (
	"testing"
	"time"
)

func TestMeasurementsRun(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			r, err := Run(t.Context(), name, Options{Dir: t.TempDir(), Duration: testDuration, Scale: testScale})
			if err != nil {
				t.Fatal(err)
			}
			if r.Value <= 0 {
				t.Errorf("result %+v", r)
			}
			t.Logf("%+v", r)
		})
	}
}

// testDuration is short: the test shows that the measurements run, not what they give.
const testDuration = time.Second

const testScale = 0.005
