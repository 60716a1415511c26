package ops

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/cloud/aws"
	"github.com/evidenced/evidenced/cloud/gcp"
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/ops/custody"
	"github.com/evidenced/evidenced/ops/expected"
	"github.com/evidenced/evidenced/schedule"
)

// Load reads the configuration at path. collects tells that the credentials of
// the sources are needed: only then are secrets that cannot be had an error.
func Load(path string, collects bool) (*config.Config, error) {
	r, err := specsReader(config.Mentions(path))
	if err != nil {
		return nil, err
	}
	r.Checks, r.Vault, r.Spare = []config.Check{schedulesParse}, readSecret, !collects
	return r.Load(path)
}

// specsReader returns a reader that knows all sources, and has read the
// definitions of those alone that are mentioned.
func specsReader(m config.Mentioned) (r config.Reader, err error) {
	if m.Definitions == "" {
		return config.Reader{Specs: all.Named(m.Sources...), Others: all.Specs}, nil
	}
	r.Specs, err = all.With(m.Definitions)
	return r, api.AsUsage(err)
}

// Specs returns the known sources: those of the program, and those that the
// folder of definitions of the configuration at path describes.
func Specs(path string) ([]collectors.Spec, error) {
	folder := config.Mentions(path).Definitions
	if folder == "" {
		return all.Specs(), nil
	}
	specs, err := all.With(folder)
	return specs, api.AsUsage(err)
}

// secretTimeout bounds how long a secret manager may take.
const secretTimeout = 15 * time.Second

// readSecret asks a secret manager, with the credential that the host, the task or the pod has.
func readSecret(scheme, name string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), secretTimeout)
	defer cancel()
	if scheme == "gcp-secret" {
		return gcp.NewSecrets().Get(ctx, name)
	}
	m, err := aws.NewSecrets(ctx)
	if err != nil {
		return "", err
	}
	return m.Get(ctx, name)
}

// schedulesParse checks that the schedules of a source are such.
func schedulesParse(c collectors.Config) error {
	_, _, err := schedule.Specs(c.Base())
	return err
}

// CheckSources reports a source that is named but not configured.
func CheckSources(c *config.Config, names []string) error {
	for _, n := range names {
		found := false
		for _, s := range c.Sources {
			found = found || s.Spec.Name == n
		}
		if !found {
			return api.Errorf(api.Usage, "source %q is not in %s", n, c.Path)
		}
	}
	return nil
}

// OpenSources opens every configured source. The secrets of the store are concealed in all of them.
func OpenSources(c *config.Config, o transport.Options, log *slog.Logger) (out []*transport.Source, err error) {
	if !o.Offline {
		o.Conceal = append(slices.Clone(o.Conceal), custody.Secrets(c)...)
	}
	for _, s := range c.Sources {
		opened, err := transport.Open(s.Spec, s.Config, o, log)
		if err != nil {
			return nil, err
		}
		out = append(out, opened)
	}
	return out, nil
}

// NextDue returns when each source is collected next after t.
func NextDue(c *config.Config, t time.Time) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	for _, s := range c.Sources {
		due, err := schedule.Next(s.Config.Base(), t)
		if err != nil {
			return nil, err
		}
		out[s.Spec.Name] = due
	}
	return out, nil
}

// LoadCatalogue returns the controls that a configuration asks for: the
// program's with its own laid over them, in its categories.
func LoadCatalogue(c *config.Config) (*catalogue.Catalogue, error) {
	if c.Catalogue == "" {
		cat, err := catalogue.Default()
		if err != nil {
			return nil, err
		}
		return cat.For(c.Period.Criteria), nil
	}
	cat, err := LoadOverlay(c.Catalogue)
	if err != nil {
		return nil, err
	}
	return cat.For(c.Period.Criteria), nil
}

// LoadOverlay loads the catalogue of a folder, laid over the program's.
func LoadOverlay(folder string) (*catalogue.Catalogue, error) {
	own, err := config.Folder(folder)
	if err != nil {
		return nil, api.Errorf(api.Usage, "catalogue %s: %w", folder, err)
	}
	cat, err := catalogue.LoadOver(own)
	if err != nil {
		return nil, api.Errorf(api.Usage, "in folder %s: %w", folder, err)
	}
	return cat, nil
}

// periodOf returns the engine's period of a configuration.
func periodOf(c *config.Config) result.Period {
	return result.Period{From: c.Period.From, To: c.Period.To}
}

// rootKinds names, per source, the kind whose records are its scopes.
func rootKinds(c *config.Config) map[string]evidence.Kind {
	m := map[string]evidence.Kind{}
	for _, s := range c.Sources {
		m[s.Spec.Name] = s.Spec.Root
	}
	return m
}

// Released is the version of a release; the linker sets it.
var Released string

// Version is the released version, or the commit that was built.
func Version() string {
	if Released != "" {
		return Released
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}

// Generator names this program and its version.
func Generator() string { return "evidenced " + Version() }

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// Suggest names those of known that a mistyped name may mean, as the end of a message.
func Suggest(name string, known []string) string {
	const most = 3
	names := config.Nearest(name, known, most)
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + joined(names) + "?"
}

// findControl finds a control of the catalogue.
func findControl(cat *catalogue.Catalogue, id string) (catalogue.Control, error) {
	ctl, ok := cat.Control(id)
	if ok {
		return ctl, nil
	}
	if into := catalogue.SplitInto(id); len(into) > 0 {
		return ctl, api.Errorf(api.Usage, "control %s was split: name one of %s", id, joined(into))
	}
	var ids []string
	for _, c := range cat.Controls {
		ids = append(ids, c.ID)
	}
	return ctl, api.Errorf(api.Usage, "there is no control %q%s; `evidenced catalogue list` shows them all", id, Suggest(id, ids))
}

// findDuty finds a duty of the catalogue.
func findDuty(cat *catalogue.Catalogue, id string) (catalogue.Duty, error) {
	var ids []string
	for _, d := range cat.Duties() {
		if d.ID == id {
			return d, nil
		}
		ids = append(ids, d.ID)
	}
	return catalogue.Duty{}, api.Errorf(api.Usage, "there is no duty %q%s; `evidenced catalogue list --duties` shows them all", id, Suggest(id, ids))
}

// Declare appends the configuration and the catalogue in force to the log, if
// they are not those that it holds already. The judge is that of the store; where there
// is none, the log is read.
func Declare(ctx context.Context, s Store, c *config.Config, j *Judge) error {
	cat, err := LoadCatalogue(c)
	if err != nil {
		return err
	}
	return appendDecided(ctx, s, func() (func(evidence.Writer) error, error) {
		want, err := declarations(ctx, s, j, c, cat)
		if err != nil || len(want) == 0 {
			return nil, err
		}
		return func(w evidence.Writer) error {
			for _, e := range want {
				e.Actor = evidence.ActorFrom(ctx)
				if _, err := w.Entry(e); err != nil {
					return err
				}
			}
			return nil
		}, nil
	})
}

// declared returns the body of the newest entry of a type; empty if there is none.
func declared(ctx context.Context, s Store, j *Judge, of evidence.EntryType) (body string, err error) {
	if j != nil {
		return j.Declared(ctx, of)
	}
	for e, err := range s.Entries(0) {
		if err != nil {
			return "", fmt.Errorf("read the log: %w", err)
		}
		if e.Type == of {
			body = string(e.Body)
		}
	}
	return body, nil
}

// declarations returns the entries that the log does not hold yet.
func declarations(ctx context.Context, s Store, j *Judge, c *config.Config, cat *catalogue.Catalogue) ([]evidence.Entry, error) {
	text, err := c.Redacted()
	if err != nil {
		return nil, err
	}
	sources, err := declaredSources(c)
	if err != nil {
		return nil, err
	}
	var out []evidence.Entry
	for _, d := range []struct {
		of   evidence.EntryType
		body any
	}{{evidence.EntryConfig, map[string]any{"yaml": string(text), "digest": evidence.HashOf(text).String(), "sources": sources}},
		{evidence.EntryCatalogue, map[string]any{"digest": cat.Digest().String()}}} {
		body, err := evidence.Canonical(d.body)
		if err != nil {
			return nil, err
		}
		have, err := declared(ctx, s, j, d.of)
		if err != nil {
			return nil, err
		}
		if string(body) != have {
			out = append(out, evidence.Entry{Type: d.of, Body: body})
		}
	}
	return out, nil
}

func declaredSources(c *config.Config) (map[string]expected.Source, error) {
	opened, err := OpenSources(c, transport.Options{Offline: true}, nil) // it knows which kinds are chosen
	if err != nil {
		return nil, err
	}
	out := map[string]expected.Source{}
	for _, s := range opened {
		base := s.Config.Base()
		d := expected.Source{Root: s.Spec.Root, Kinds: []evidence.Kind{}, Schedule: base.Schedule, Schedules: base.Schedules}
		for _, k := range s.Spec.Kinds {
			d.Kinds = append(d.Kinds, k.Kind)
		}
		out[s.Spec.Name] = d
	}
	return out, nil
}
