package serve

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are what the daemon counts. No label holds what a source said: names
// of sources, outcomes and severities only.
type Metrics struct {
	registry  *prometheus.Registry
	slots     *prometheus.CounterVec
	passes    *prometheus.HistogramVec
	failed    *prometheus.CounterVec
	complete  *prometheus.GaugeVec
	next      *prometheus.GaugeVec
	gaps      *prometheus.GaugeVec
	told      *prometheus.CounterVec
	reloads   *prometheus.CounterVec
	entries   prometheus.Gauge
	storeSize prometheus.Gauge
	ready     prometheus.Gauge
}

// NewMetrics gives metrics of their own registry.
func NewMetrics(version string) *Metrics {
	opts := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Name: "evidenced_" + name, Help: help}
	}
	count := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
	}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		slots:     count("slots_total", "Slots that ended, by how they ended.", "source", "outcome"),
		failed:    count("passes_failed_total", "Passes over a source that could not be ended, such as when the disk is full.", "source"),
		told:      count("notifications_total", "Notifications that were sent, or were not.", "channel", "result"),
		reloads:   count("reloads_total", "Configurations that were taken, or refused.", "result"),
		complete:  prometheus.NewGaugeVec(opts("last_complete_timestamp_seconds", "When a slot of the source was last read whole."), []string{"source"}),
		next:      prometheus.NewGaugeVec(opts("next_slot_timestamp_seconds", "When the next slot of the source is due."), []string{"source"}),
		gaps:      prometheus.NewGaugeVec(opts("open_gaps", "Open gaps of the period."), []string{"severity"}),
		entries:   prometheus.NewGauge(opts("log_entries", "Entries of the log.")),
		storeSize: prometheus.NewGauge(opts("store_bytes", "Size of the store's file.")),
		ready:     prometheus.NewGauge(opts("ready", "1 if it collects and what it reads is written.")),
		passes: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "evidenced_pass_seconds", Help: "How long passes over a source took.",
			Buckets: prometheus.ExponentialBuckets(0.1, 4, 8)}, []string{"source"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "evidenced_build_info", Help: "The version of the program.", ConstLabels: prometheus.Labels{"version": version}})
	build.Set(1)
	m.registry.MustRegister(m.slots, m.passes, m.failed, m.complete, m.next, m.gaps, m.told, m.reloads, m.entries, m.storeSize, m.ready, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers for Prometheus; before each answer it lets refresh set the gauges.
func (m *Metrics) Handler(refresh func()) http.Handler {
	h := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refresh()
		h.ServeHTTP(w, r)
	})
}

// Slot counts a slot that ended.
func (m *Metrics) Slot(source, outcome string) { m.slots.WithLabelValues(source, outcome).Inc() }

// Slots counts several that ended alike.
func (m *Metrics) Slots(source, outcome string, n int) {
	m.slots.WithLabelValues(source, outcome).Add(float64(n))
}

// Sources tells when a slot of each source was last read whole, as the log says,
// 0 if never: a source that was well in another life, and is not any more, shows.
// Others are not told of any more.
func (m *Metrics) Sources(last map[string]time.Time) {
	m.complete.Reset()
	m.next.Reset()
	for source, at := range last {
		m.complete.WithLabelValues(source).Set(max(float64(at.Unix()), 0))
	}
}

// Pass counts a pass over a source.
func (m *Metrics) Pass(source string, took time.Duration, err error) {
	m.passes.WithLabelValues(source).Observe(took.Seconds())
	if err != nil {
		m.failed.WithLabelValues(source).Inc()
	}
}

// Next tells when a source is read next.
func (m *Metrics) Next(source string, at time.Time) {
	m.next.WithLabelValues(source).Set(float64(at.Unix()))
}

// Gaps tells how many gaps of each severity are open.
func (m *Metrics) Gaps(open map[string]int) {
	for _, severity := range []string{"critical", "high", "medium", "low"} {
		m.gaps.WithLabelValues(severity).Set(float64(open[severity]))
	}
}

// Notified counts a notification.
func (m *Metrics) Notified(channel, result string) { m.told.WithLabelValues(channel, result).Inc() }

// Reload counts a configuration that was taken, or refused.
func (m *Metrics) Reload(result string) { m.reloads.WithLabelValues(result).Inc() }

// Store tells how large the store is.
func (m *Metrics) Store(entries uint64, bytes int64) {
	m.entries.Set(float64(entries))
	m.storeSize.Set(float64(bytes))
}

// Ready tells whether the daemon is.
func (m *Metrics) Ready(ready bool) {
	m.ready.Set(0)
	if ready {
		m.ready.Set(1)
	}
}
