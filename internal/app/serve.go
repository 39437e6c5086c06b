package app

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/collect"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/aws"
)

// HTTP is everything on the node's HTTP port.
func (n *Node) HTTP(guard *access.Guard, version string) http.Handler {
	n.keys.admit(guard)
	metrics := prometheus.NewRegistry()
	seconds := requestSeconds()
	metrics.MustRegister(collector{n}, seconds)
	var pages http.Handler
	if c, err := n.newConsole(guard, version); err != nil {
		n.fail(err)
		pages = http.NotFoundHandler()
	} else {
		pages = c.Handler()
	}
	s := &api.Server{Console: pages, Node: n, Engine: n.Engine(), Guard: guard, Project: n.o.Project.Name, Version: version, Log: n.log, Metrics: metrics,
		Location: func() *time.Location { return n.project.Load().Location },
		Events:   &collect.HTTPDoor{Intake: n.Intake, Streams: n, Visible: n, Guard: guard, BodyBytes: func() int64 { return n.project.Load().Limit.BodyBytes }},
		Public:   &collect.PublicDoor{Intake: n.Intake, Streams: n, Guard: guard, Now: n.clock.Now},
		Keys:     keyDoor{n, guard}}
	return timed(seconds, s.Handler())
}

// AWS is everything on the node's AWS port.
func (n *Node) AWS(guard *access.Guard) http.Handler {
	return &aws.Router{Firehose: &collect.FirehoseDoor{Intake: n.Intake, Streams: n, Guard: guard, List: n.firehoseStreams, Now: n.clock.Now}}
}

func (n *Node) firehoseStreams() []collect.FirehoseStream {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []collect.FirehoseStream
	for _, s := range n.names {
		found = append(found, collect.FirehoseStream{Stream: collect.Stream{ID: s.id, Name: s.name}, Created: s.created})
	}
	slices.SortFunc(found, func(a, b collect.FirehoseStream) int { return strings.Compare(a.Name, b.Name) })
	return found
}
