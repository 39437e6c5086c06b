package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/shape"
)

// A time is read back as the moment that was sent, in every zone, also where the zone's
// offset had seconds and where a year has five digits; what was read can be
// sent again, but for year 10000.
func TestTimesFarAwayAreReadBack(t *testing.T) {
	sent := []string{"0001-01-02T00:00:00Z", "1582-10-15T12:00:00.000001Z", "1850-06-01T00:00:00Z", "1883-11-18T17:00:00.5Z", "1887-12-31T14:41:00Z", "1899-12-31T23:59:59.999999Z",
		"1900-01-01T00:00:00+00:00", "1937-06-30T23:40:28Z", "9998-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z"}
	d := columns("id", "int", "v", "timestamptz")
	for _, zone := range []string{"Asia/Tokyo", "America/New_York", "Europe/Amsterdam", "Africa/Monrovia"} {
		p := newProject(t, map[string]shape.Definition{"s": d, "again": d})
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		p.Location = location
		n := p.start()
		for i, text := range sent {
			line, _ := json.Marshal(map[string]any{"id": i, "v": text})
			n.Send("s", string(line))
		}
		if err := n.Flush(t.Context(), "s"); err != nil {
			t.Fatal(err)
		}
		readers := map[string]*time.Location{zone: location}
		for _, name := range []string{"Asia/Tokyo", "America/New_York"} {
			if readers[name], err = time.LoadLocation(name); err != nil {
				t.Fatal(err)
			}
		}
		for reader := range readers {
			body, _ := json.Marshal(map[string]any{"sql": "SELECT v, epoch_us(v) AS us FROM s ORDER BY id", "timezone": reader})
			status, text, _ := n.Do(http.MethodPost, "/v1/query", string(body))
			var answer struct{ Rows [][]json.RawMessage }
			if status != http.StatusOK || json.Unmarshal([]byte(text), &answer) != nil || len(answer.Rows) != len(sent) {
				t.Fatalf("%s read in %s: %d %s", zone, reader, status, text)
			}
			for i, row := range answer.Rows {
				want, err := time.Parse(time.RFC3339Nano, sent[i])
				if err != nil {
					t.Fatal(err)
				}
				if micros := strings.Trim(string(row[1]), `"`); micros != jsonNumber(want.UnixMicro()) {
					t.Errorf("%s: %s is stored as %s µs, want %d", zone, sent[i], micros, want.UnixMicro())
				}
				if strings.HasPrefix(string(row[0]), `"10000-`) { // which RFC 3339 cannot say, nor a record
					if want := want.In(readers[reader]).Format("15:04:05"); !strings.HasPrefix(string(row[0]), `"10000-01-01 `+want+"+") {
						t.Errorf("%s read in %s is %s", sent[i], reader, row[0])
					}
					continue
				}
				n.Send("again", `{"id":`+jsonNumber(int64(i))+`,"v":`+string(row[0])+`}`)
			}
			const differ = "SELECT coalesce(string_agg(s.v::VARCHAR, '; '), '') FROM s LEFT JOIN again ON again.id = s.id AND again.v = s.v WHERE again.id IS NULL AND s.v < '9999-12-31'"
			if got := n.One(differ); got != "" {
				t.Errorf("%s, what is read in %s and sent again is not the same of: %s; %s", zone, reader, got, flat(n.Query("SELECT message, line FROM quarantine")))
			}
		}
		n.Shutdown()
	}
}

func jsonNumber(n int64) string {
	text, _ := json.Marshal(n)
	return string(text)
}
