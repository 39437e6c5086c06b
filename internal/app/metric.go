package app

import "github.com/prometheus/client_golang/prometheus"

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
	metricReady   = prometheus.NewDesc("biwa_ready", "1 when the node is ready.", nil, nil)
)

func (c collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricOffset, metricVisible, metricPending, metricFiles, metricRows, metricFailing, metricLast, metricJournal, metricFree, metricReady} {
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
	gauge(metricReady, truth(n.Ready() == nil))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
