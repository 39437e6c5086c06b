package app

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// requestSeconds counts requests and how long they took, by the door they came to.
func requestSeconds() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "biwa_http_request_seconds",
		Help:    "Requests and how long each took, by door (events, query, tap, api, console) and status.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}}, []string{"door", "code"})
}

// timed has a handler's requests counted.
func timed(seconds *prometheus.HistogramVec, next http.Handler) http.Handler {
	doors := map[string]http.Handler{}
	for _, door := range []string{"events", "query", "tap", "api", "console"} {
		doors[door] = promhttp.InstrumentHandlerDuration(seconds.MustCurryWith(prometheus.Labels{"door": door}), next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { doors[doorOf(r.URL.Path)].ServeHTTP(w, r) })
}

func doorOf(path string) string {
	switch {
	case strings.HasPrefix(path, "/v1/events/"):
		return "events"
	case path == "/v1/query":
		return "query"
	case strings.HasPrefix(path, "/v1/tap/"):
		return "tap"
	case strings.HasPrefix(path, "/v1/"):
		return "api"
	}
	return "console"
}
