package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/ops/custody"
	"github.com/evidenced/evidenced/ops/setup"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/simulator"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// Options choose the simulated company.
type Options struct {
	Seed int64
	Days int
	// Out is the folder in which everything is left; empty for none.
	Out      string
	Progress api.ProgressFunc
}

// Result is what `demo --json` prints.
type Result struct {
	Seed     int64             `json:"seed"`
	Days     int               `json:"days"`
	Seconds  float64           `json:"seconds"`
	Slots    result.SlotCounts `json:"slots"`
	Planted  int               `json:"planted"`
	Found    int               `json:"found"`
	Missing  []string          `json:"missing"`
	Extra    []string          `json:"extra"`
	Bundle   string            `json:"bundle"`
	Verified bool              `json:"verified"`
}

// OK reports whether exactly what was planted was found, and the bundle verified.
func (r *Result) OK() bool { return len(r.Missing)+len(r.Extra) == 0 && r.Verified }

// Start is when the simulated period begins.
var Start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// MinDays and MaxDays bound the period, in days.
const (
	MinDays = 20
	MaxDays = 3660
)

// Run lives through the period of a simulated company: it collects every
// slot, finds the gaps, exports and verifies the bundle, and compares what was
// found with what was planted.
func Run(ctx context.Context, o Options) (*Result, error) {
	if o.Days < MinDays || o.Days > MaxDays {
		return nil, api.Errorf(api.Usage, "--days %d: want %d to %d", o.Days, MinDays, MaxDays)
	}
	temporary := o.Out == ""
	if temporary {
		dir, err := os.MkdirTemp("", "evidenced-demo-*")
		if err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
		o.Out = dir
		defer os.RemoveAll(dir)
	}
	if err := untouched(o.Out); err != nil {
		return nil, api.AsUsage(err)
	}
	begun := time.Now()
	_, noGit := exec.LookPath("git")
	d := &demo{Options: o, handouts: handouts(), company: simulator.New(simulator.Options{Seed: o.Seed, Start: Start, Days: o.Days, Plant: true, Faults: true, Clone: noGit == nil})}
	res, err := d.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	res.Seconds = time.Since(begun).Seconds()
	if temporary {
		res.Bundle = ""
	}
	return res, nil
}

// untouched reports what the demo would write and is there already.
func untouched(dir string) error {
	for _, name := range []string{"evidenced.yaml", "evidence.db", "evidence.db.state", "evidence.key", "evidence.key.checkpoint", "bundle.zip", "people.csv", "privileged.csv", "clone.git"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s holds %s already; the demo wants a new folder", dir, name)
		}
	}
	return nil
}

// demo is one simulated period.
type demo struct {
	Options
	company  *simulator.Company
	config   *config.Config
	planted  []simulator.Planted // of duties
	handouts []*handout
	// dial leads every connection to the simulator, whatever its port is.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// demoURL is the address that the evidence names. It is the same each time, so
// that the same seed gives the same bundle.
const demoURL = "http://localhost:8800"

func (d *demo) run(ctx context.Context) (*Result, error) {
	server := httptest.NewServer(d.company.Handler())
	defer server.Close()
	d.dial = portless(server.Listener.Addr())
	if err := d.configure(demoURL); err != nil {
		return nil, err
	}
	key, err := store.NewKey(custody.LogName(d.config.Organization), newSeeded(d.Seed))
	if err != nil {
		return nil, err
	}
	if err := key.WriteFile(d.config.Store.Key); err != nil {
		return nil, err
	}
	s, err := store.Open(d.config.Store.Path, store.Options{Key: key, Now: d.company.Now, Kept: d.config.Store.Key + store.KeptSuffix})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := d.live(ctx, s); err != nil {
		return nil, err
	}
	return d.finish(ctx, s, key)
}

// configure writes the configuration that the demo, and whoever comes after it, uses.
func (d *demo) configure(url string) error {
	text := fmt.Sprintf(`# Made by evidenced demo --seed %d --days %d. The servers it names are gone when the demo ends;
# the clone that it names is clone.git.
organization: %q
period: {type: II, start: %s, end: %s, criteria: [security]}
store: {path: evidence.db, key: evidence.key}
sources:
  aws: {schedule: "0 6 * * *", accounts: organization, role_name: EvidencedReadOnly, regions: enabled, endpoint: %q,
        kinds: [aws.region, aws.iam.account, aws.iam.password_policy, aws.iam.user, aws.cloudtrail.trail, aws.s3.bucket,
                aws.guardduty.detector, aws.config.recorder, aws.ec2.security_group, aws.kms.key, aws.rds.instance]}
  github: {schedule: "30 6 * * *", organization: %q, token: %q, endpoint: %q,
        kinds: [github.member, github.repository, github.branch, github.pull_request]}
  okta: {schedule: "0 7 * * *", url: %q, token: %q, endpoint: %q,
        kinds: [okta.user, okta.group, okta.group_member, okta.admin, okta.api_token, okta.event]}
%s  register: {schedule: "30 7 * * *", registers: {privileged: {file: privileged.csv}}}
  roster: {schedule: "30 5 * * *", file: people.csv}
`, d.Seed, d.Days, "Simulated "+d.company.Organization(), Start.Format(time.DateOnly), Start.AddDate(0, 0, d.Days-1).Format(time.DateOnly),
		url, d.company.Organization(), d.company.Token(), url+"/github/",
		"https://"+d.company.OktaDomain(), d.company.OktaToken(), url+"/okta/", d.gitSource())
	if err := os.MkdirAll(d.Out, 0o700); err != nil {
		return err
	}
	path := filepath.Join(d.Out, "evidenced.yaml")
	if err := setup.WriteNew(path, []byte(text)); err != nil {
		return err
	}
	c, err := ops.Load(path, false)
	d.config = c
	return err
}

// gitSource configures the clone, where there is a git to read it.
func (d *demo) gitSource() string {
	if d.company.ClonePath() == "" {
		return ""
	}
	return fmt.Sprintf("  git: {schedule: \"0 %d * * *\", repositories: [%q], kinds: [git.repository, git.commit, git.update]}\n", simulator.CloneHour, d.company.ClonePath())
}

// live goes through the period slot by slot.
func (d *demo) live(ctx context.Context, s *store.Store) error {
	cat, err := ops.LoadCatalogue(d.config)
	if err != nil {
		return err
	}
	d.company.SetNow(Start)
	defer simulatedCredentials()()
	if err := ops.Declare(ctx, s, d.config, nil); err != nil {
		return err
	}
	deeds := d.duties(cat)
	srcs, err := ops.OpenSources(d.config, d.door(), nil)
	if err != nil {
		return err
	}
	r, err := schedule.New(srcs, s, s, schedule.Options{Begin: Start, Now: d.company.Now})
	if err != nil {
		return err
	}
	end := Start.AddDate(0, 0, d.Days)
	for t := r.Next(Start.Add(-time.Second)); t.Before(end); t = r.Next(t) {
		for d.company.Off(t) { // whoever restarts the agent does so on the hour
			t = t.Truncate(time.Hour).Add(time.Hour)
		}
		d.Progress.Set("living through the period, day", int64(t.Sub(Start)/(24*time.Hour)), int64(d.Days))
		if deeds, err = d.bring(ctx, s, deeds, t); err != nil {
			return err
		}
		d.company.SetNow(t)
		if err := d.deliver(); err != nil {
			return err
		}
		if _, err := r.Tick(ctx); err != nil {
			return err
		}
	}
	if _, err := d.bring(ctx, s, deeds, end); err != nil {
		return err
	}
	if err := d.closePeriod(ctx, r, end); err != nil {
		return err
	}
	d.company.SetNow(end)
	return ctx.Err()
}

// closePeriod collects for another day, which reads the last events of the period.
func (d *demo) closePeriod(ctx context.Context, r *schedule.Runner, end time.Time) error {
	for t := r.Next(end.Add(-time.Second)); t.Before(end.AddDate(0, 0, 1)); t = r.Next(t) {
		d.company.SetNow(t)
		if err := d.deliver(); err != nil {
			return err
		}
		if _, err := r.Tick(ctx); err != nil {
			return err
		}
	}
	return nil
}

// duties lets the company do what the catalogue asks of people, in order of time.
func (d *demo) duties(cat *catalogue.Catalogue) []simulator.Deed {
	var all []simulator.Duty
	for _, x := range cat.Duties() {
		all = append(all, simulator.Duty{ID: x.ID, Per: x.Per, WithinDays: x.WithinDays, GraceDays: x.GraceDays, Early: x.Early})
	}
	deeds, planted := d.company.Duties(all)
	d.planted = planted
	slices.SortStableFunc(deeds, func(a, b simulator.Deed) int { return a.Recorded.Compare(b.Recorded) })
	return deeds
}

// bring records what was done before t, and gives the rest.
func (d *demo) bring(ctx context.Context, s *store.Store, deeds []simulator.Deed, t time.Time) ([]simulator.Deed, error) {
	for ; len(deeds) > 0 && deeds[0].Recorded.Before(t); deeds = deeds[1:] {
		x := deeds[0]
		d.company.SetNow(x.Recorded)
		u := evidence.Upload{Title: x.Duty, Duties: []string{x.Duty}, Occurrence: x.Occurrence, Effective: x.Effective, By: x.By}
		file := api.File{Name: x.Duty + ".txt", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(x.Text)), nil }}
		if _, err := ops.AppendUpload(ctx, s, u, []api.File{file}, api.Actor{}); err != nil {
			return nil, err
		}
	}
	return deeds, nil
}

// door leads to the simulator, on its clock.
func (d *demo) door() transport.Options {
	return transport.Options{Now: d.company.Now, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		Jitter: func() float64 { return 1 }, Run: d.runThere, Base: &http.Transport{DialContext: d.dial, MaxIdleConnsPerHost: 16}}
}

// finish evaluates, exports, verifies and compares.
func (d *demo) finish(ctx context.Context, s *store.Store, key *store.Key) (*Result, error) {
	asOf := d.company.Now()
	backend := &ops.Process{Path: d.config.Path, Now: d.company.Now}
	res, err := backend.Judge(d.config, s).Result(ctx, asOf)
	if err != nil {
		return nil, err
	}
	out := &Result{Seed: d.Seed, Days: d.Days, Slots: res.Slots, Missing: []string{}, Extra: []string{}, Bundle: filepath.Join(d.Out, "bundle.zip")}
	if err := d.writeBundle(ctx, out.Bundle, ops.Bundled{Config: d.config, Store: s, Signer: ops.SignerOf(key)}, asOf); err != nil {
		return nil, err
	}
	checked, err := verify.File(ctx, out.Bundle, verify.Options{Key: s.VerifierKey()})
	if err != nil {
		return nil, err
	}
	out.Verified = checked.OK && checked.Complete
	out.compare(append(d.company.Truth(), d.planted...), res.Gaps)
	return out, nil
}

func (d *demo) writeBundle(ctx context.Context, path string, b ops.Bundled, asOf time.Time) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = ops.WriteBundle(ctx, w, b, asOf, d.Progress)
	return errors.Join(err, w.Flush(), f.Close())
}

// compare matches what was found with what was planted, each with at most one.
func (r *Result) compare(truth []simulator.Planted, gaps []result.Gap) {
	r.Planted = len(truth)
	used := make([]bool, len(gaps))
	for _, p := range truth {
		found := false
		for i, g := range gaps {
			if !used[i] && matches(p, g) {
				used[i], found = true, true
				break
			}
		}
		if !found {
			r.Missing = append(r.Missing, describe(p))
		}
	}
	for i, g := range gaps {
		if used[i] {
			r.Found++
			continue
		}
		r.Extra = append(r.Extra, fmt.Sprintf("%s %s %s %s %s, first seen %s, fixed by %s: %s", g.Kind, g.Test, g.Stream, g.Resource, g.ID, day(&g.FirstSeen), day(g.FixedBy), g.Reason))
	}
}

func describe(p simulator.Planted) string {
	return fmt.Sprintf("%s %s %s %s, %s to %s: %s", p.Kind, p.Test, p.Stream, p.Resource, day(&p.Start), day(&p.End), p.Note)
}

// matches reports whether g is p, with bounds that hold: not_before <= start <=
// first_seen, and last_seen < end <= fixed_by.
func matches(p simulator.Planted, g result.Gap) bool {
	stream := ""
	if p.Stream != (evidence.Stream{}) {
		stream = p.Stream.String()
	}
	if g.Stream != stream || string(g.Kind) != p.Kind || g.Test != p.Test || g.Resource != p.Resource {
		return false
	}
	if g.NotBefore != nil && !p.Joined && p.Start.Before(*g.NotBefore) || p.Start.After(g.FirstSeen) {
		return false
	}
	if p.End.IsZero() {
		return g.FixedBy == nil
	}
	return g.FixedBy != nil && g.LastSeen.Before(p.End) && !p.End.After(*g.FixedBy)
}

// day prints a time; nil and zero as a dash.
func day(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
