package bench

import (
	"os"
	"testing"
	"time"
)

func TestMeasurementsRun(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			if name == "start" && os.Getenv("BIWA") == "" {
				t.Skip("SKIPPED LOUDLY: BIWA does not name the binary that is to be started; make test sets it")
			}
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
const testDuration = 3 * time.Second

const testScale = 0.005
