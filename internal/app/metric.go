package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// collector gives Prometheus what the node counts anyway, when it asks.
type collector struct{ node *Node }

var (
	metricOffset  = prometheus.NewDesc("biwa_stream_offset", "Sequence number up to which the stream is committed.", []string{"stream"}, nil)
	metricVisible = prometheus.NewDesc("biwa_stream_visible", "Sequence number up to which SQL sees the stream.", []string{"stream"}, nil)
	metricPending = prometheus.NewDesc("biwa_stream_pending_records", "Records on the log that are not committed.", []string{"stream"}, nil)
	metricFiles   = prometheus.NewDesc("biwa_table_files", "Data files of the table.", []string{"stream"}, nil)
	metricRows    = prometheus.NewDesc("biwa_table_rows", "Rows in the table's files.", []string{"stream"}, nil)
	metricFailing = prometheus.NewDesc("biwa_stream_failing", "1 while the stream's flush fails and is tried again.", []string{"stream"}, nil)
	metricLast    = prometheus.NewDesc("biwa_journal_last", "Newest sequence number of the log.", nil, nil)
	metricJournal = prometheus.NewDesc("biwa_journal_bytes", "Bytes of the young log.", nil, nil)
	metricFree    = prometheus.NewDesc("biwa_disk_free_bytes", "Free space of the data folder.", nil, nil)
	metricInodes  = prometheus.NewDesc("biwa_disk_free_inodes", "Files that can still be made in the data folder.", nil, nil)
	metricReady   = prometheus.NewDesc("biwa_ready", "1 when the node is ready.", nil, nil)

	metricAccepted  = prometheus.NewDesc("biwa_records_accepted_total", "Records that were accepted, by the ledger.", []string{"stream"}, nil)
	metricDelivered = prometheus.NewDesc("biwa_records_delivered_total", "Records that are rows of the table's files, or were.", []string{"stream"}, nil)
	metricRejected  = prometheus.NewDesc("biwa_records_quarantined", "Records that were rejected, less those that a replay has moved into the table.", []string{"stream"}, nil)
)

func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricOffset, metricVisible, metricPending, metricFiles, metricRows, metricFailing, metricLast, metricJournal, metricFree, metricInodes, metricReady, metricAccepted, metricDelivered, metricRejected} {
		out <- d
	}
}

func (c collector) Collect(out chan<- prometheus.Metric) {
	n := c.node
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	w := n.worlds.Current()
	for _, s := range n.list() {
		status := s.worker.Status()
		gauge(metricOffset, float64(status.Offset), s.name)
		gauge(metricVisible, float64(status.Visible), s.name)
		gauge(metricPending, float64(n.journal.Pending(s.id, status.Offset)), s.name)
		gauge(metricFailing, truth(status.Failure != ""), s.name)
		if t := w.Table(s.name); t != nil {
			gauge(metricFiles, float64(t.Files.Len()), s.name)
			gauge(metricRows, float64(t.Files.Rows()), s.name)
		}
	}
	log := n.journal.Stats()
	gauge(metricLast, float64(log.Last))
	gauge(metricJournal, float64(log.Bytes))
	gauge(metricFree, float64(n.gate.free.Load()))
	gauge(metricInodes, float64(n.gate.files.Load()))
	c.accounts(out)
	gauge(metricReady, truth(n.Ready() == nil))
}

// accounts gives what the ledger says; where it cannot be read the rest is given alone.
func (c collector) accounts(out chan<- prometheus.Metric) {
	report, err := c.node.Ledger(context.Background())
	if err != nil {
		c.node.log.Warn("metrics", "error", err)
		return
	}
	for _, s := range report.Streams {
		out <- prometheus.MustNewConstMetric(metricAccepted, prometheus.CounterValue, float64(s.Accepted), s.Name)
		out <- prometheus.MustNewConstMetric(metricDelivered, prometheus.CounterValue, float64(s.Delivered), s.Name)
		out <- prometheus.MustNewConstMetric(metricRejected, prometheus.GaugeValue, float64(s.Quarantined), s.Name)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
