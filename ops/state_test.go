package ops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/store"
)

// company is the store of a simulated company, and who asks of it.
type company struct {
	*testing.T
	dir    string
	config *config.Config
	asOf   time.Time
}

// demoDays is how long the company of these tests has lived.
const demoDays = 22

// companyFolder is a temporary folder that holds d, the folder of a company.
var companyFolder string

// liveThrough makes it, once; nobody may change what is in it.
var liveThrough = sync.OnceValue(func() (err error) {
	if companyFolder, err = os.MkdirTemp("", "evidenced-ops-*"); err == nil {
		_, err = demo.Run(context.Background(), demo.Options{Seed: 4, Days: demoDays, Out: filepath.Join(companyFolder, "d")})
	}
	return err
})

// demoFolder returns a copy of the folder of a simulated company.
func demoFolder(t *testing.T) string {
	t.Helper()
	must(t, liveThrough())
	to := filepath.Join(t.TempDir(), "d")
	must(t, os.CopyFS(to, os.DirFS(filepath.Join(companyFolder, "d"))))
	return to
}

func TestMain(m *testing.M) {
	code := m.Run()
	if companyFolder != "" {
		_ = os.RemoveAll(companyFolder)
	}
	os.Exit(code)
}

func newCompany(t *testing.T) *company {
	t.Helper()
	dir := demoFolder(t)
	c, err := ops.Load(filepath.Join(dir, "evidenced.yaml"), false)
	must(t, err)
	return &company{t, dir, c, demo.Start.AddDate(0, 0, demoDays)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (c *company) state() string { return c.config.Store.Path + store.StateSuffix }

// answers are what the commands print of the store, as JSON.
func (c *company) answers() string {
	c.Helper()
	o := ops.On(&ops.Process{Path: c.config.Path}, func() time.Time { return c.asOf })
	var all bytes.Buffer
	add := func(v any, err error) {
		c.Helper()
		must(c.T, err)
		must(c.T, json.NewEncoder(&all).Encode(v))
	}
	status, err := o.Status(c.Context(), api.StatusRequest{})
	add(status, err)
	gaps, err := o.Gaps(c.Context(), api.GapsRequest{All: true})
	add(gaps, err)
	for _, g := range gaps.Gaps[:3] {
		detail, err := o.Gap(c.Context(), api.GapRequest{ID: g.ID})
		add(detail, err)
	}
	ready, err := o.Readiness(c.Context(), api.ReadinessRequest{})
	add(ready, err)
	before, err := o.Status(c.Context(), api.StatusRequest{AsOf: c.asOf.AddDate(0, 0, -9)})
	add(before, err)
	return all.String()
}

// same fails the test unless the answers are those.
func (c *company) same(want, why string) {
	c.Helper()
	if got := c.answers(); got != want {
		c.Errorf("%s: other answers than without a kept state", why)
	}
}

// opened calls do with the store, opened to append.
func (c *company) opened(do func(ops.Store)) {
	c.Helper()
	s, _, err := (&ops.Process{Path: c.config.Path}).OpenForWrite(c.config)
	must(c.T, err)
	do(s)
	must(c.T, s.Close())
}

// watchedLog is a log of its first n entries, that notes where it is read from.
type watchedLog struct {
	ops.EvidenceLog
	n    uint64
	from []uint64
}

func (l *watchedLog) Entries(from uint64) iter.Seq2[evidence.Entry, error] {
	l.from = append(l.from, from)
	return func(yield func(evidence.Entry, error) bool) {
		for e, err := range l.EvidenceLog.Entries(from) {
			if err == nil && e.Index >= l.n || !yield(e, err) {
				return
			}
		}
	}
}

// keepAt keeps the state of the first n entries.
func (c *company) keepAt(n uint64) {
	c.Helper()
	c.opened(func(s ops.Store) {
		j := ops.NewJudge(c.config, &watchedLog{EvidenceLog: s, n: n}, s, nil)
		_, err := j.Acts(c.Context())
		must(c.T, err)
		j.Keep()
	})
}

// readFrom returns where a judge goes on that opens the store now.
func (c *company) readFrom() (from uint64) {
	c.Helper()
	c.opened(func(s ops.Store) {
		log := &watchedLog{EvidenceLog: s, n: 1 << 40}
		_, err := ops.NewJudge(c.config, log, s, nil).Acts(c.Context())
		must(c.T, err)
		from = log.from[len(log.from)-1]
	})
	return from
}

// TestKeptState: whatever is kept of the log, or was planted, the answers are those
// of a reading of the whole log, byte for byte.
func TestKeptState(t *testing.T) {
	c := newCompany(t)
	kept, err := os.ReadFile(c.state())
	must(t, err)
	t.Run("torn, older or planted", func(t *testing.T) { (&company{t, c.dir, c.config, c.asOf}).testDamage(kept) })
	t.Run("of another configuration", func(t *testing.T) { (&company{t, c.dir, c.config, c.asOf}).testConfigurations(kept) })
	t.Run("of before an erasure", func(t *testing.T) { (&company{t, c.dir, c.config, c.asOf}).testErasure(kept) })
}

func (c *company) testDamage(kept []byte) {
	t := c.T
	var size uint64
	c.opened(func(s ops.Store) { size, _ = s.Size() })
	if from := c.readFrom(); from < size/2 {
		t.Fatalf("the demo leaves a state, and the log of %d entries is read from %d", size, from)
	}
	must(t, os.Remove(c.state()))
	want := c.answers()
	must(t, os.WriteFile(c.state(), kept, 0o600))
	c.same(want, "whole")
	rng := rand.New(rand.NewPCG(7, 7))
	for range 3 {
		torn := slices.Clone(kept)
		torn[rng.IntN(len(torn))] ^= 1 << rng.IntN(8)
		must(t, os.WriteFile(c.state(), torn[:rng.IntN(len(torn))], 0o600))
		c.same(want, "torn")
	}
	for range 3 {
		must(t, os.Remove(c.state()))
		n := rng.Uint64N(size)
		c.keepAt(n)
		if from := c.readFrom(); from < n {
			t.Errorf("the state of %d entries was kept, and the log is read from %d", n, from)
		}
		must(t, os.Remove(c.state()))
		c.keepAt(n)
		c.same(want, "of the beginning of the log")
	}
	for name, text := range map[string]string{"of another program": `{"program":"x","newest":"2026-01-01T00:00:00Z","past":{"root_kinds":{},"sources":{}},"declared":{}}` + "\n", "of nothing": "", "of no format": "{}\nx"} {
		c.opened(func(s ops.Store) {
			must(t, s.SaveState(size, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }))
		})
		c.same(want, name)
	}
}

// testConfigurations: another period, or other sources, ask of the log anew.
func (c *company) testConfigurations(kept []byte) {
	t := c.T
	text, err := os.ReadFile(c.config.Path)
	must(t, err)
	defer func() { must(t, os.WriteFile(c.config.Path, text, 0o600)) }()
	for name, change := range map[string][2]string{
		"period":     {"start: 2026-01-01", "start: 2026-01-08"},
		"categories": {"criteria: [security]", "criteria: [security, availability]"},
		"sources":    {"  okta:", "  slack:\n    workspace: acme\n    token: ${env:NO_SUCH_TOKEN}\n  okta:"},
	} {
		changed := bytes.Replace(text, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(changed, text) {
			t.Fatalf("%s: the configuration does not hold %q", name, change[0])
		}
		must(t, os.WriteFile(c.config.Path, changed, 0o600))
		must(t, os.Remove(c.state()))
		want := c.answers()
		must(t, os.WriteFile(c.state(), kept, 0o600))
		c.same(want, "of another "+name)
	}
}

// testErasure: what was erased must not go on in a state that was copied before.
func (c *company) testErasure(kept []byte) {
	t := c.T
	c.opened(func(s ops.Store) {
		_, err := s.(*store.Store).Erase(context.Background(), store.Retention{Policy: "ten days", Before: c.asOf.AddDate(0, 0, -10)})
		must(t, err)
	})
	want := c.answers()
	must(t, os.WriteFile(c.state(), kept, 0o600))
	c.same(want, "of before the erasure")
	if from := c.readFrom(); from != 0 {
		t.Errorf("the log is read from %d", from)
	}
}
