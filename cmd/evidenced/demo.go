package main

import (
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

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/simulator"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

func (a *app) demoCommand() *cobra.Command {
	o := demoOptions{}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Live through a period of a simulated company: collect, find gaps, export, verify",
		Long: `Runs the whole story on a simulated company, with no credentials: its AWS,
GitHub and Okta speak the vendors' formats over loopback, its HR system exports the
roster, the real collectors read all of it on schedule under a simulated clock, and
what was found is compared with what was planted. With --out the configuration, the store and the bundle stay there, and
every other command works on them.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.demo(c.Context(), o) },
	}
	c.Flags().Int64Var(&o.seed, "seed", 1, "which company")
	c.Flags().IntVar(&o.days, "days", 180, "length of the period in days")
	c.Flags().StringVar(&o.out, "out", "", "leave everything in this `folder`")
	return c
}

type demoOptions struct {
	seed int64
	days int
	out  string
}

// demoResult is what `demo --json` prints.
type demoResult struct {
	Seed     int64          `json:"seed"`
	Days     int            `json:"days"`
	Seconds  float64        `json:"seconds"`
	Slots    gap.SlotCounts `json:"slots"`
	Planted  int            `json:"planted"`
	Found    int            `json:"found"`
	Missing  []string       `json:"missing"`
	Extra    []string       `json:"extra"`
	Bundle   string         `json:"bundle"`
	Verified bool           `json:"verified"`
}

// demoStart is when the simulated period begins.
var demoStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (a *app) demo(ctx context.Context, o demoOptions) error {
	if o.days < 30 || o.days > 3660 {
		return usageError{fmt.Errorf("--days %d: want 30 to 3660", o.days)}
	}
	temporary := o.out == ""
	if temporary {
		dir, err := os.MkdirTemp("", "evidenced-demo-*")
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		o.out = dir
		defer os.RemoveAll(dir)
	}
	if err := untouched(o.out); err != nil {
		return usageError{err}
	}
	begun := time.Now()
	_, noGit := exec.LookPath("git")
	d := &demo{app: a, demoOptions: o, handouts: handouts(), company: simulator.New(simulator.Options{Seed: o.seed, Start: demoStart, Days: o.days, Plant: true, Faults: true, Clone: noGit == nil})}
	res, err := d.run(ctx)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	res.Seconds = time.Since(begun).Seconds()
	if temporary {
		res.Bundle = ""
	}
	if err := a.print(res, res.text); err != nil {
		return err
	}
	if len(res.Missing)+len(res.Extra) > 0 || !res.Verified {
		return errors.New("demo: what was found is not what was planted")
	}
	return nil
}

// untouched reports what the demo would write and is there already.
func untouched(dir string) error {
	for _, name := range []string{"evidenced.yaml", "evidence.db", "evidence.key", "bundle.zip", "people.csv", "privileged.csv", "clone.git"} {
		if _, err := os.Lstat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s holds %s already; the demo wants a new folder", dir, name)
		}
	}
	return nil
}

// demo is one simulated period.
type demo struct {
	*app
	demoOptions
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

func (d *demo) run(ctx context.Context) (*demoResult, error) {
	server := httptest.NewServer(d.company.Handler())
	defer server.Close()
	d.dial = portless(server.Listener.Addr())
	if err := d.configure(demoURL); err != nil {
		return nil, err
	}
	key, err := store.NewKey(logName(d.config.Organization), newSeeded(d.seed))
	if err != nil {
		return nil, err
	}
	if err := key.WriteFile(d.config.Store.Key); err != nil {
		return nil, err
	}
	s, err := store.Open(d.config.Store.Path, store.Options{Key: key, Now: d.company.Now})
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
`, d.seed, d.days, "Simulated "+d.company.Organization(), demoStart.Format(time.DateOnly), demoStart.AddDate(0, 0, d.days-1).Format(time.DateOnly),
		url, d.company.Organization(), d.company.Token(), url+"/github/",
		"https://"+d.company.OktaDomain(), d.company.OktaToken(), url+"/okta/", d.gitSource())
	if err := os.MkdirAll(d.out, 0o700); err != nil {
		return err
	}
	path := filepath.Join(d.out, "evidenced.yaml")
	if err := writeNew(path, []byte(text)); err != nil {
		return err
	}
	d.app.config = path
	c, err := d.load()
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
	cat, err := catalogue(d.config)
	if err != nil {
		return err
	}
	d.company.SetNow(demoStart)
	defer simulatedCredentials()()
	if err := declare(ctx, s, d.config, cat); err != nil {
		return err
	}
	deeds := d.duties(cat)
	srcs, err := sources(d.config, d.door(), nil)
	if err != nil {
		return err
	}
	r, err := schedule.New(srcs, s, s, schedule.Options{Begin: demoStart, Now: d.company.Now})
	if err != nil {
		return err
	}
	end := demoStart.AddDate(0, 0, d.days)
	p := d.progress("living through the period, day")
	defer p.end()
	for t := r.Next(demoStart.Add(-time.Second)); t.Before(end); t = r.Next(t) {
		for d.company.Off(t) { // whoever restarts the agent does so on the hour
			t = t.Truncate(time.Hour).Add(time.Hour)
		}
		p.set(int64(t.Sub(demoStart)/(24*time.Hour)), int64(d.days))
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
	d.company.SetNow(end)
	return ctx.Err()
}

// duties lets the company do what the catalogue asks of people, in order of time.
func (d *demo) duties(cat *gap.Catalogue) []simulator.Deed {
	var all []simulator.Duty
	for _, x := range cat.Duties() {
		all = append(all, simulator.Duty{ID: x.ID, Per: x.Per, WithinDays: x.WithinDays, GraceDays: x.GraceDays})
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
		file := attachment{x.Duty + ".txt", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(x.Text)), nil }}
		if _, err := bring(ctx, s, u, []attachment{file}); err != nil {
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
func (d *demo) finish(ctx context.Context, s *store.Store, key *store.Key) (*demoResult, error) {
	d.asOf = timeFlag{d.company.Now()}
	res, err := d.evaluate(ctx, d.config, s)
	if err != nil {
		return nil, err
	}
	out := &demoResult{Seed: d.seed, Days: d.days, Slots: res.Slots, Missing: []string{}, Extra: []string{}, Bundle: filepath.Join(d.out, "bundle.zip")}
	if err := writeNew(out.Bundle, nil); err != nil { // the name is ours from here on
		return nil, err
	}
	if _, err := d.writeBundle(ctx, out.Bundle, d.config, s, key, res); err != nil {
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

// compare matches what was found with what was planted, each with at most one.
func (r *demoResult) compare(truth []simulator.Planted, gaps []gap.Gap) {
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
		r.Extra = append(r.Extra, fmt.Sprintf("%s %s %s %s %s, first seen %s, fixed by %s: %s", g.Kind, g.Test, g.Stream, g.Resource, g.ID, when(&g.FirstSeen), when(g.FixedBy), g.Reason))
	}
}

func describe(p simulator.Planted) string {
	return fmt.Sprintf("%s %s %s %s, %s to %s: %s", p.Kind, p.Test, p.Stream, p.Resource, when(&p.Start), when(&p.End), p.Note)
}

// matches reports whether g is p, with bounds that hold: not_before <= start <=
// first_seen, and last_seen < end <= fixed_by.
func matches(p simulator.Planted, g gap.Gap) bool {
	stream := ""
	if p.Stream != (evidence.Stream{}) {
		stream = p.Stream.String()
	}
	if g.Stream != stream || string(g.Kind) != p.Kind || g.Test != p.Test || g.Resource != p.Resource {
		return false
	}
	if g.NotBefore != nil && p.Start.Before(*g.NotBefore) || p.Start.After(g.FirstSeen) {
		return false
	}
	if p.End.IsZero() {
		return g.FixedBy == nil
	}
	return g.FixedBy != nil && g.LastSeen.Before(p.End) && !p.End.After(*g.FixedBy)
}

func (r *demoResult) text(w io.Writer) {
	n := r.Slots
	fmt.Fprintf(w, "A simulated company (seed %d) lived through %d days in %.1f s.\n\n", r.Seed, r.Days, r.Seconds)
	fmt.Fprintf(w, "slots    %d expected: %d collected, %d late, %d partial, %d failed, %d missed\n", n.Expected, n.Collected, n.Late, n.Partial, n.Failed, n.Missed)
	fmt.Fprintf(w, "gaps     %d planted, %d found, %d not found, %d too many\n", r.Planted, r.Found, len(r.Missing), len(r.Extra))
	for _, m := range r.Missing {
		fmt.Fprintln(w, "  not found:", evidence.Printable(m))
	}
	for _, m := range r.Extra {
		fmt.Fprintln(w, "  too many: ", evidence.Printable(m))
	}
	verified := "verified"
	if !r.Verified {
		verified = "NOT SOUND"
	}
	fmt.Fprintf(w, "bundle   %s\n", verified)
	if r.Bundle != "" {
		fmt.Fprintf(w, "\nIt is all in %s. Try there:\n  evidenced status --as-of %s\n  evidenced gaps --all\n  evidenced verify bundle.zip\n", filepath.Dir(r.Bundle), demoStart.AddDate(0, 0, r.Days).Format(time.DateOnly))
	}
}
