// Package aws is the port that AWS SDKs and tools talk to: it tells which
// service and operation a request is for.
package aws

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/biwa-data/biwa/internal/collect"
)

// Router hands each request to the service it names. The header X-Amz-Target
// decides before anything else, as in every JSON protocol of AWS.
type Router struct {
	Firehose http.Handler
}

func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target := r.Header.Get("X-Amz-Target")
	if r.Method == http.MethodPost && strings.HasPrefix(target, collect.FirehosePrefix) {
		rt.Firehose.ServeHTTP(w, r)
		return
	}
	what := target
	if what == "" {
		what = r.Method + " " + r.URL.Path
	}
	collect.WriteAWSError(w, collect.UnknownOperation(fmt.Sprintf("%s is not served here: there is Amazon Data Firehose (PutRecord, PutRecordBatch, DescribeDeliveryStream, ListDeliveryStreams)", what)))
}
