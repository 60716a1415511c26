package collectors

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Source is one configured source behind its door.
type Source struct {
	Spec   Spec
	Config Config

	door      *door
	collector Collector
	rules     string
}

// Open builds a source without touching the network. It refuses a
// configuration that is not valid and a declaration that holds anything but
// reads. The source is safe for concurrent use.
func Open(spec Spec, cfg Config, opt DoorOptions, log *slog.Logger) (*Source, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	spec, err := spec.only(wanted(cfg))
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	d, err := newDoor(spec, cfg, opt, log)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	s := &Source{Spec: spec, Config: cfg, door: d}
	if s.rules, err = rulesDigest(spec); err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	s.collector, err = cfg.Open(Env{HTTP: d.client(), Run: d.run, ReadFile: d.readFile, Consult: d.consult, Log: log, Now: d.opt.Now, Sleep: d.opt.Sleep, Conceal: d.redact.conceal, Offline: opt.Offline})
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	return s, nil
}

// wanted gives the kinds that are read; none means all.
func wanted(cfg Config) []evidence.Kind {
	if p, ok := cfg.(Partial); ok && len(cfg.Base().Kinds) == 0 {
		return p.Given()
	}
	return cfg.Base().Kinds
}

// Has reports the first of the kinds that the source does not have.
func (s Spec) Has(kinds []evidence.Kind) error {
	for _, k := range kinds {
		if _, known := s.Kind(k); known {
			continue
		}
		var names []string
		for _, k := range s.Kinds {
			names = append(names, string(k.Kind))
		}
		return fmt.Errorf("kinds holds %q, which is none of this source; it has %s", k, strings.Join(names, ", "))
	}
	return nil
}

// only gives the declaration without the kinds that are not wanted, and without
// the calls that serve them alone: the door then refuses those.
func (s Spec) only(wanted []evidence.Kind) (Spec, error) {
	if len(wanted) == 0 {
		return s, nil
	}
	if err := s.Has(wanted); err != nil {
		return s, err
	}
	left := func(k evidence.Kind) bool { return k != s.Root && !slices.Contains(wanted, k) }
	s.Kinds = slices.DeleteFunc(slices.Clone(s.Kinds), func(k KindSpec) bool { return left(k.Kind) })
	s.Calls = slices.DeleteFunc(slices.Clone(s.Calls), func(c Call) bool {
		return len(c.Kinds) > 0 && !slices.ContainsFunc(c.Kinds, func(k evidence.Kind) bool { return !left(k) })
	})
	return s, nil
}

func newDoor(spec Spec, cfg Config, opt DoorOptions, log *slog.Logger) (*door, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	calls, err := newIdentifier(spec, cfg.Base().Endpoint)
	if err != nil {
		return nil, err
	}
	d := &door{
		opt: opt, calls: calls, programs: newPrograms(spec), hosts: cfg.Hosts(), throttled: spec.Throttled, lane: spec.Lane, quota: spec.Quota,
		redact: newRedactor(spec.Redact, opt.Now), limits: newLimiter(opt.Concurrency, opt.Total), log: log,
	}
	if spec.Revalidates && !opt.Offline {
		d.answers = newAnswers(maxAnswers)
	}
	if d.lane == nil {
		d.lane = func(r *http.Request) string { return r.URL.Host }
	}
	if s, ok := cfg.(Connected); ok {
		d.schemes = s.Schemes()
	}
	d.consultations = map[string]bool{}
	for _, c := range spec.Calls {
		d.consultations[c.Name] = c.isConsultation()
	}
	if f, ok := cfg.(Files); ok && slices.ContainsFunc(spec.Calls, Call.isFile) {
		d.files = f.Files()
	}
	for _, s := range secretsIn(cfg) {
		d.redact.conceal(s, time.Time{})
	}
	return d, nil
}

// Collector gives the source's collector.
func (s *Source) Collector() Collector { return s.collector }

func keptText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// rulesDigest identifies what was declared: calls, redactions, kinds.
func rulesDigest(spec Spec) (string, error) {
	type kind struct {
		Kind     evidence.Kind
		Doc      string
		Mode     evidence.Mode
		Volatile []string
		Late     string
		Kept     string `json:",omitempty"`
	}
	kinds := make([]kind, len(spec.Kinds))
	for i, k := range spec.Kinds {
		kinds[i] = kind{k.Kind, k.Doc, k.Mode, k.Volatile, k.Late.String(), keptText(k.Kept)}
	}
	b, err := evidence.Canonical(struct {
		Name        string
		Calls       []Call
		Redact      []string
		Kinds       []kind
		Environment []string `json:",omitempty"`
		Rules       string   `json:",omitempty"`
	}{spec.Name, spec.Calls, spec.Redact, kinds, spec.Environment, spec.Rules})
	if err != nil {
		return "", err
	}
	return evidence.HashOf(b).String(), nil
}
