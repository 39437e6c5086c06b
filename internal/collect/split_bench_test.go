package collect

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkSplit is what a door does with a body of 5,000 records of some 150 bytes.
func BenchmarkSplit(b *testing.B) {
	records := make([]string, 5000)
	for i := range records {
		records[i] = fmt.Sprintf(`{"ts":"2026-05-01T10:00:%02d.000Z","event":"view","user_id":"u%d","page":"https://www.example.com/articles/%d","n":%d,"ok":true}`, i%60, i%97, i, i)
	}
	broken := append([]string(nil), records...)
	for i := 0; i < len(broken); i += 100 {
		broken[i] = broken[i][:60]
	}
	for _, c := range []struct{ name, body string }{
		{"lines", strings.Join(records, "\n") + "\n"},
		{"broken", strings.Join(broken, "\n") + "\n"},
		{"array", "[" + strings.Join(records, ",") + "]"},
		{"spread", "[\n" + strings.ReplaceAll(strings.Join(records, ",\n"), `,"`, ",\n  \"") + "\n]"},
	} {
		b.Run(c.name, func(b *testing.B) {
			body := []byte(c.body)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if l, err := Split(body); err != nil || l.Records != len(records) {
					b.Fatal(l.Records, err)
				}
			}
		})
	}
}
