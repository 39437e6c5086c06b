//go:build unix

package shape

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// webLog is real input, ten thousand requests to a web site; nil where the
// shared folder is not there.
func webLog(t testing.TB) []string {
	file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "weblog.ndjson.gz"))
	if err != nil {
		return nil
	}
	defer file.Close()
	zr, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for sc := bufio.NewScanner(zr); sc.Scan(); {
		lines = append(lines, sc.Text())
	}
	return lines
}

var webColumns = []Column{
	{Name: "ts", Type: "timestamptz", NotNull: true}, {Name: "ip", Type: "varchar"}, {Name: "method", Type: "varchar"},
	{Name: "url", Type: "varchar"}, {Name: "protocol", Type: "varchar"}, {Name: "status", Type: "int"}, {Name: "bytes", Type: "bigint"},
	{Name: "referer", Type: "varchar"}, {Name: "user_agent", Type: "varchar"},
}

var webEnrich = []Enrichment{{URL: &Source{}}, {Referer: &RefererSource{}}, {UserAgent: &Source{}}, {Bot: &Source{}}}

// webSections are the lines in sections as the door cuts them.
func webSections(b *testing.B) (env *record.Envelope, records, bytesTotal int) {
	lines := webLog(b)
	if lines == nil {
		b.Log("the shared web log is not there: made-up lines instead")
		lines = strings.Split(strings.Repeat(`{"ts": "2015-05-17T10:05:03+00:00", "ip": "83.149.9.216", "method": "GET", "url": "http://www.example.com/presentations/logstash/images/kibana-search.png", "protocol": "HTTP/1.1", "status": 200, "bytes": 203023, "referer": "http://example.com/presentations/", "user_agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/32.0.1700.77 Safari/537.36"}|`, 9999)+"{}", "|")
	}
	env = &record.Envelope{Seq: 1}
	for start := 0; start < len(lines); start += 2500 {
		part := lines[start:min(start+2500, len(lines))]
		text := []byte(strings.Join(part, "\n") + "\n")
		env.Sections = append(env.Sections, record.Section{Stream: testStream, First: start, Count: len(part), Lines: text,
			Requests: []record.Request{{Count: len(part), ReceivedAt: testTime}}})
		bytesTotal += len(text)
	}
	return env, len(lines), bytesTotal
}

func benchmarkShape(b *testing.B, def Definition) {
	env, records, size := webSections(b)
	s, err := Compile(def, Options{Name: "web", Stream: testStream, Location: tokyo})
	if err != nil {
		b.Fatal(err)
	}
	run := func() {
		for i := range env.Sections {
			batch, err := s.Shape(context.Background(), env, &env.Sections[i])
			if err != nil || len(batch.Rejects) > 1 {
				b.Fatal(err, batch.Rejects[0])
			}
			batch.Rows.Release()
		}
	}
	run() // fills the caches
	b.SetBytes(int64(size))
	b.ReportAllocs()
	before := processorTime()
	for b.Loop() {
		run()
	}
	b.ReportMetric(float64(records)*float64(b.N)/(processorTime()-before).Seconds(), "records/cpu-s")
}

// processorTime is what the process has used: other work on the machine is not
// in it.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkPlain(b *testing.B) {
	benchmarkShape(b, Definition{EventTime: "ts", Columns: webColumns})
}

func BenchmarkEnriched(b *testing.B) {
	benchmarkShape(b, Definition{EventTime: "ts", Columns: webColumns, Enrich: webEnrich, Partition: []string{"day(ts)"}})
}

func BenchmarkReadAgent(b *testing.B) {
	lines := webLog(b)
	if lines == nil {
		b.Skip("the shared web log is not there")
	}
	seen := map[string]bool{}
	var texts []string
	for _, l := range lines {
		_, rest, _ := bytes.Cut([]byte(l), []byte(`"user_agent": "`))
		text, _, _ := bytes.Cut(rest, []byte(`"`))
		if !seen[string(text)] {
			seen[string(text)] = true
			texts = append(texts, string(text))
		}
	}
	listsOf(&Definition{}).readAgent(texts[0])
	b.ReportMetric(float64(len(texts)), "distinct")
	for i := 0; b.Loop(); i++ {
		listsOf(&Definition{}).readAgent(texts[i%len(texts)])
	}
}
