package transport

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// Source is one configured source behind its door.
type Source struct {
	Spec   collectors.Spec
	Config collectors.Config

	gateway   *gateway
	collector collectors.Collector
	rules     string
}

// Open builds a source without touching the network. It refuses a
// configuration that is not valid and a declaration that holds anything but
// reads. The source is safe for concurrent use.
func Open(spec collectors.Spec, cfg collectors.Config, opt Options, log *slog.Logger) (*Source, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	spec, err := restrict(spec, wanted(cfg))
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	d, err := newGateway(spec, cfg, opt, log)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	s := &Source{Spec: spec, Config: cfg, gateway: d}
	if s.rules, err = rulesDigest(spec); err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	s.collector, err = cfg.Open(collectors.Env{HTTP: d.client(), Run: d.run, ReadFile: d.readFile, Consult: d.consult, Log: log, Now: d.opt.Now, Sleep: d.opt.Sleep, Conceal: d.redact.conceal, Offline: opt.Offline})
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", spec.Name, err)
	}
	return s, nil
}

// wanted returns the kinds that are read; none means all.
func wanted(cfg collectors.Config) []evidence.Kind {
	if p, ok := cfg.(collectors.Partial); ok && len(cfg.Base().Kinds) == 0 {
		return p.EnabledKinds()
	}
	return cfg.Base().Kinds
}

// restrict returns the declaration without the kinds that are not wanted, and without
// the calls that serve them alone: the door then refuses those.
func restrict(s collectors.Spec, wanted []evidence.Kind) (collectors.Spec, error) {
	if len(wanted) == 0 {
		return s, nil
	}
	if err := s.Has(wanted); err != nil {
		return s, err
	}
	left := func(k evidence.Kind) bool { return k != s.Root && !slices.Contains(wanted, k) }
	s.Kinds = slices.DeleteFunc(slices.Clone(s.Kinds), func(k collectors.KindSpec) bool { return left(k.Kind) })
	s.Calls = slices.DeleteFunc(slices.Clone(s.Calls), func(c collectors.Call) bool {
		return len(c.Kinds) > 0 && !slices.ContainsFunc(c.Kinds, func(k evidence.Kind) bool { return !left(k) })
	})
	return s, nil
}

func newGateway(spec collectors.Spec, cfg collectors.Config, opt Options, log *slog.Logger) (*gateway, error) {
	opt, err := opt.withDefaults()
	if err != nil {
		return nil, err
	}
	calls, err := newIdentifier(spec, cfg.Base().Endpoint)
	if err != nil {
		return nil, err
	}
	d := &gateway{
		opt: opt, calls: calls, programs: newPrograms(spec, cfg), hosts: cfg.Hosts(), throttled: spec.Throttled, lane: spec.Lane, quota: spec.Quota,
		redact: newRedactor(spec.Redact, opt.Now), limits: newLimiter(opt.Concurrency, opt.Total), log: log,
	}
	if spec.Revalidates && !opt.Offline {
		d.answers = newAnswerCache(maxCachedBytes)
	}
	if d.lane == nil {
		d.lane = func(r *http.Request) string { return r.URL.Host }
	}
	if s, ok := cfg.(collectors.Connected); ok {
		d.schemes = s.Schemes()
	}
	d.consultations = map[string]bool{}
	for _, c := range spec.Calls {
		d.consultations[c.Name] = c.IsConsultation()
	}
	if f, ok := cfg.(collectors.Files); ok && slices.ContainsFunc(spec.Calls, collectors.Call.IsFile) {
		d.files = f.Files()
	}
	for _, s := range append(secretsIn(cfg), opt.Conceal...) {
		d.redact.conceal(s, time.Time{})
	}
	return d, nil
}

// Collector returns the source's collector.
func (s *Source) Collector() collectors.Collector { return s.collector }

func keptText(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// rulesDigest identifies what was declared: calls, redactions, kinds.
func rulesDigest(spec collectors.Spec) (string, error) {
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
		Calls       []collectors.Call
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
