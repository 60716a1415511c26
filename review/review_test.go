package review

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
)

var at = time.Date(2026, 7, 1, 9, 0, 0, 0, time.UTC)

var okta = evidence.Stream{Source: "okta", Kind: "okta.user", Scope: "acme"}

func account(id, mail string, active bool, grants ...string) gap.Row {
	r := gap.Row{Stream: okta, ID: id, Name: mail, Fields: map[string]any{"login": mail, "email": mail, "active": active, "human": true},
		Joined: map[string][]gap.Row{"people": {{Fields: map[string]any{"keys": []any{"mail:" + mail, "okta:x"}}}}}}
	for _, g := range grants {
		r.Joined["grants"] = append(r.Joined["grants"], gap.Row{Fields: map[string]any{"grant": g, "key": g, "privileged": true}})
	}
	return r
}

// log is a log in memory that can be read back.
type log struct {
	entries []evidence.Entry
	blobs   map[evidence.Hash][]byte
}

func (l *log) Blob(h evidence.Hash) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(l.blobs[h])), nil
}

func (l *log) all() iter.Seq2[evidence.Entry, error] {
	return func(yield func(evidence.Entry, error) bool) {
		for _, e := range l.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (l *log) add(t *testing.T, step evidence.ReviewStep, after time.Duration, blob []byte) {
	t.Helper()
	e, err := evidence.WithBody(evidence.EntryReview, step)
	if err != nil {
		t.Fatal(err)
	}
	e.Index, e.Recorded = uint64(len(l.entries)), at.Add(after)
	if blob != nil {
		h := evidence.HashOf(blob)
		l.blobs = map[evidence.Hash][]byte{h: blob}
		e.Blobs = []evidence.Ref{{Hash: h, Size: int64(len(blob))}}
	}
	l.entries = append(l.entries, e)
}

// opened gives a log with one campaign of three rows.
func opened(t *testing.T) (*log, *Campaign) {
	rows, from, err := Freeze([]gap.Row{account("u1", "ann@x", true, "group admins"), account("u2", "bob@x", true), account("u3", "gone@x", false)},
		[]gap.ViewSource{{Stream: okta, Complete: true, Read: at.Add(-time.Hour)}}, nil, at)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%+v, %v", rows, err)
	}
	b, err := Lines(rows)
	if err != nil {
		t.Fatal(err)
	}
	l := &log{}
	asOf := at
	l.add(t, evidence.ReviewStep{Campaign: "2026-Q2", Step: evidence.ReviewOpen, By: "eve@x", AsOf: &asOf, Sources: from, Count: len(rows)}, 0, b)
	return l, reread(t, l)
}

func reread(t *testing.T, l *log) *Campaign {
	t.Helper()
	all, err := Campaigns(l.all(), l)
	if err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	return all[0]
}

func TestCampaign(t *testing.T) {
	l, c := opened(t)
	ann, admins, bob := c.Rows[0].Key, c.Rows[1].Key, c.Rows[2].Key
	if _, err := c.Close("eve@x", at); err == nil || !strings.Contains(err.Error(), "3 rows without a decision of 3") {
		t.Fatalf("closed undecided: %v", err)
	}
	l.add(t, evidence.ReviewStep{Campaign: "2026-Q2", Step: evidence.ReviewDecide, By: "eve@x", Decisions: []evidence.RowDecision{{Row: ann, Decision: Keep}, {Row: admins, Decision: Keep}}}, time.Minute, nil)
	l.add(t, evidence.ReviewStep{Campaign: "2026-Q2", Step: evidence.ReviewDecide, By: "bob@x", Decisions: []evidence.RowDecision{{Row: bob, Decision: Keep, Reason: "nobody else is here"}, {Row: admins, Decision: Revoke, Reason: "changed teams"}}}, time.Hour, nil)
	c = reread(t, l)
	closing, err := c.Close("eve@x", at.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	rows := closing.Runs[0].Records
	texts := ""
	for _, r := range rows {
		texts += fmt.Sprintln(r.Name, r.Attributes["decision"], r.Attributes["self"], r.Attributes["by"])
	}
	for _, want := range []string{"ann@x keep false eve@x", "ann@x, group admins revoke false bob@x", "bob@x keep true bob@x"} {
		if !strings.Contains(texts, want) {
			t.Errorf("no record says %q:\n%s", want, texts)
		}
	}
	if a := closing.Runs[1].Records[0].Attributes; a["rows"] != int64(3) || a["revoked"] != int64(1) || a["seconds"] != int64(3600) || a["self"] != true {
		t.Errorf("campaign %v", a)
	}
	l.add(t, closing.Step, 2*time.Hour, nil)
	if c = reread(t, l); c.Status != Closed || c.Signed != "eve@x" {
		t.Errorf("%+v", c)
	}
	l.add(t, evidence.ReviewStep{Campaign: "2026-Q2", Step: evidence.ReviewDecide, By: "eve@x", Decisions: []evidence.RowDecision{{Row: ann, Decision: Keep}}}, 3*time.Hour, nil)
	if _, err := Campaigns(l.all(), l); err == nil {
		t.Error("a decision after the sign-off was taken")
	}
}

// TestSignedIsWhatWasDecided: a sign-off over other decisions is none.
func TestSignedIsWhatWasDecided(t *testing.T) {
	l, c := opened(t)
	wrong := c.Digest()
	l.add(t, evidence.ReviewStep{Campaign: "2026-Q2", Step: evidence.ReviewDecide, By: "eve@x", Decisions: []evidence.RowDecision{{Row: c.Rows[0].Key, Decision: Keep}}}, time.Minute, nil)
	l.add(t, evidence.ReviewStep{Campaign: "2026-Q2", Step: evidence.ReviewClose, By: "eve@x", Digest: &wrong}, time.Hour, nil)
	if _, err := Campaigns(l.all(), l); err == nil || !strings.Contains(err.Error(), "is not what was decided") {
		t.Errorf("%v", err)
	}
}

func TestFreezeRefuses(t *testing.T) {
	whole := gap.ViewSource{Stream: okta, Complete: true, Read: at}
	for name, c := range map[string]struct {
		from    []gap.ViewSource
		sources []string
		want    string
	}{
		"partial":  {[]gap.ViewSource{{Stream: okta, Read: at}}, nil, "not read whole"},
		"old":      {[]gap.ViewSource{{Stream: okta, Complete: true, Read: at.AddDate(0, 0, -9)}}, nil, "last read on 2026-06-22"},
		"nothing":  {nil, nil, "no accounts were read"},
		"no such":  {[]gap.ViewSource{whole}, []string{"aws"}, "source aws has no accounts"},
		"grants":   {[]gap.ViewSource{whole, {Stream: evidence.Stream{Source: "okta", Kind: "okta.group_member", Scope: "acme"}, Read: at, Join: "grants"}}, nil, "okta.group_member/acme was not read whole"},
		"roster":   {[]gap.ViewSource{whole, {Stream: evidence.Stream{Source: "hr", Kind: "roster.person", Scope: "r"}, Read: at, Join: "people"}}, []string{"okta"}, "roster.person/r was not read whole"},
		"not read": {[]gap.ViewSource{whole, {Stream: evidence.Stream{Source: "aws", Kind: "aws.iam.user", Scope: "1"}, Read: at}}, []string{"okta", "aws"}, "not read whole"},
	} {
		if _, _, err := Freeze(nil, c.from, c.sources, at); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestDecisionsThatMayNotBe(t *testing.T) {
	_, c := opened(t)
	key := c.Rows[0].Key
	for _, d := range []struct {
		d    evidence.RowDecision
		by   string
		want string
	}{
		{evidence.RowDecision{Row: "nope", Decision: Keep}, "eve@x", "is not in review"},
		{evidence.RowDecision{Row: key, Decision: "maybe"}, "eve@x", "none of keep, revoke, modify"},
		{evidence.RowDecision{Row: key, Decision: Revoke}, "eve@x", "revoke needs a reason"},
		{evidence.RowDecision{Row: key, Decision: Keep}, "ann@x", "is your own"},
		{evidence.RowDecision{Row: key, Decision: Keep}, " Ann@X", "is your own"},
	} {
		if err := c.Check([]evidence.RowDecision{d.d}, d.by); err == nil || !strings.Contains(err.Error(), d.want) {
			t.Errorf("%+v by %s: %v", d.d, d.by, err)
		}
	}
}

func TestSheet(t *testing.T) {
	_, c := opened(t)
	c.Rows[2].Account = "=cmd()"
	var b bytes.Buffer
	if err := c.WriteSheet(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), ",=cmd") {
		t.Error("a formula is written as one")
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	fill := func(edit func(l []string) []string) string {
		return strings.Join(edit(append([]string(nil), lines...)), "\n") + "\n"
	}
	good := fill(func(l []string) []string {
		l[1] = strings.TrimSuffix(l[1], ",") + "KEEP,"
		l[2] = strings.TrimSuffix(l[2], ",") + "revoke,left the team"
		return l
	})
	ds, err := c.ReadSheet(strings.NewReader("\xef\xbb\xbf" + good))
	if err != nil || len(ds) != 2 || ds[0].Decision != Keep || ds[1].Reason != "left the team" {
		t.Fatalf("%+v, %v", ds, err)
	}
	semicolons := strings.ReplaceAll(good, ",", ";")
	if ds, err := c.ReadSheet(strings.NewReader(semicolons)); err != nil || len(ds) != 2 {
		t.Errorf("semicolons: %+v, %v", ds, err)
	}
	for name, c2 := range map[string]struct {
		edit func(l []string) []string
		want string
	}{
		"removed": {func(l []string) []string { return l[:3] }, "is missing"},
		"added":   {func(l []string) []string { return append(l, strings.Replace(l[1], c.Rows[0].Key, "ffffffffffff", 1)) }, "line 5: row \"ffffffffffff\" is not in review"},
		"twice":   {func(l []string) []string { return append(l, l[1]) }, "line 5: row " + c.Rows[0].Key + " stands in the sheet twice"},
		"edited":  {func(l []string) []string { l[2] = strings.Replace(l[2], "group admins", "group users", 1); return l }, "line 3: row " + c.Rows[1].Key + ": grant is \"group users\", and was frozen as \"group admins\""},
		"header":  {func(l []string) []string { l[0] = "a,b"; return l }, "line 1: the columns"},
		"cut":     {func(l []string) []string { l[1] = "x"; return l }, "1 cells, want 12"},
	} {
		if _, err := c.ReadSheet(strings.NewReader(fill(c2.edit))); err == nil || !strings.Contains(err.Error(), c2.want) {
			t.Errorf("%s: %v, want %q", name, err, c2.want)
		}
	}
}

// TestReasonInASheet: a reason that would be a formula comes back as it was.
func TestReasonInASheet(t *testing.T) {
	_, c := opened(t)
	const reason = "-1 day;=needed"
	if err := c.Decide([]evidence.RowDecision{{Row: c.Rows[0].Key, Decision: Keep, Reason: reason}}, "eve@x", at); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.WriteSheet(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), ",-1") || strings.Contains(b.String(), ";=") {
		t.Errorf("a formula is written as one:\n%s", b.String())
	}
	ds, err := c.ReadSheet(&b)
	if err != nil || len(ds) != 1 || ds[0].Reason != reason {
		t.Errorf("%+v, %v", ds, err)
	}
}

func FuzzSheet(f *testing.F) {
	f.Add("key,stream\n\"")
	f.Add(strings.Join(columns, ";") + "\n;;;;")
	f.Fuzz(func(t *testing.T, text string) {
		_, c := opened(t)
		ds, err := c.ReadSheet(strings.NewReader(text))
		if err == nil && len(ds) > len(c.Rows) {
			t.Errorf("%d decisions on %d rows", len(ds), len(c.Rows))
		}
	})
}

// TestOwnAddress: who has the address of an account decides on their own, also
// where no roster says whose it is.
func TestOwnAddress(t *testing.T) {
	_, c := opened(t)
	for i := range c.Rows {
		c.Rows[i].Owners = nil
	}
	own := evidence.RowDecision{Row: c.Rows[0].Key, Decision: Keep}
	if err := c.Check([]evidence.RowDecision{own}, c.Rows[0].Email); err == nil || !strings.Contains(err.Error(), "is your own") {
		t.Errorf("%v", err)
	}
	if err := c.Check([]evidence.RowDecision{own}, "eve@x"); err != nil {
		t.Error(err)
	}
	own.Reason = "nobody else is here"
	if err := c.Decide([]evidence.RowDecision{own}, c.Rows[0].Email, at); err != nil || !c.Rows[0].Self() {
		t.Errorf("%v, %+v", err, c.Rows[0])
	}
}
