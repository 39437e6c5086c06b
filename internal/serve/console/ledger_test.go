package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var (
	figures  = regexp.MustCompile(`<d[dt][^>]*>([0-9,]+)</dd>`)
	footRow  = regexp.MustCompile(`(?s)<tfoot>.*?</tfoot>`)
	footCell = regexp.MustCompile(`<td class="n[^"]*">([0-9,]+)</td>`)
	mastSum  = regexp.MustCompile(`>accepted ([0-9,]+) · balanced<`)
)

// numbersOf are the first groups of a pattern's matches.
func numbersOf(pattern *regexp.Regexp, text string) (found []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

// TestTheLedgersPageIsOneMoment reads the page while records come and are committed:
// the masthead's sum, the equation, and the sum of all hours are the same numbers.
func TestTheLedgersPageIsOneMoment(t *testing.T) {
	f := startFolder(t)
	b := visitor(t, f.Node)
	f.some()
	f.Await("the first records", func() bool { return strings.Contains(b.get("/"), "accepted 6 ") })
	stop := make(chan struct{})
	var traffic sync.WaitGroup
	for sender := range 2 {
		traffic.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				line := fmt.Sprintf(`{"ts":%q,"page":"/%d/%d","what":%q}`, now(), sender, i, []string{"view", "buy"}[i%2])
				answer, err := http.Post(f.URL+"/v1/events/likes", "application/x-ndjson", strings.NewReader(line))
				if err != nil {
					t.Error(err)
					return
				}
				answer.Body.Close()
				if i%20 == 19 {
					if err := f.Flush(t.Context(), "likes"); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	pages := map[string]bool{} // by the sum in the masthead
	for len(pages) < 5 {
		page := b.get("/ledger?hours=168")
		foot := numbersOf(footCell, footRow.FindString(page))
		equation := numbersOf(figures, page[strings.Index(page, `id="equation"`):strings.Index(page, `id="hours"`)])
		sum := numbersOf(mastSum, page)
		if len(foot) != 6+1 || len(equation) != 6 || len(sum) != 1 {
			t.Errorf("foot %v, equation %v, masthead %v", foot, equation, sum)
			break
		}
		if got, want := fmt.Sprint(foot[:6]), fmt.Sprint(equation); got != want || foot[0] != sum[0] {
			t.Errorf("the hours add up to %v, the equation is %v, the masthead says %v", got, want, sum)
		}
		pages[sum[0]] = true
	}
	close(stop)
	traffic.Wait()
}
