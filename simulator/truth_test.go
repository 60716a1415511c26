package simulator

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func grow(seed int64, days int) *Company {
	return New(Options{Seed: seed, Start: start, Days: days, Plant: true, Faults: true, Clone: true})
}

func TestCleanCompanyHasNoTruth(t *testing.T) {
	for seed := range int64(200) {
		c := New(Options{Seed: seed, Start: start, Days: 180, Faults: true, Clone: true})
		if got := c.Truth(); len(got) > 0 {
			t.Fatalf("seed %d: a clean company has %d gaps, the first: %+v", seed, len(got), got[0])
		}
		if len(c.faults)+len(c.off) > 0 {
			t.Fatalf("seed %d: faults without planting", seed)
		}
	}
}

// TestTruthIsWellFormed checks, for many seeds, what the checker of found
// against planted relies on.
func TestTruthIsWellFormed(t *testing.T) {
	for days, seeds := range map[int]int64{25: 50, 60: 50, 90: 50, 180: 200, 365: 20} {
		for seed := range seeds {
			c := grow(seed, days)
			for _, p := range c.Truth() {
				if err := wellFormed(c, p); err != nil {
					t.Fatalf("seed %d, %d days: %v: %+v", seed, days, err, p)
				}
			}
			for _, at := range c.clone.amended {
				if before, after := readings(at); c.clone.tips.at(before) == c.clone.tips.at(after) {
					t.Fatalf("seed %d, %d days: nothing was amended at %v", seed, days, at)
				}
			}
			if err := separate(c.Truth()); err != nil {
				t.Fatalf("seed %d, %d days: %v", seed, days, err)
			}
		}
	}
}

// TestShortLives: a period of any length grows, and below 20 days nothing is planted.
func TestShortLives(t *testing.T) {
	for days := range 40 {
		for seed := range int64(5) {
			if n := len(grow(seed, days).Truth()); days < 20 && n > 0 || days > 25 && n == 0 {
				t.Errorf("seed %d: %d gaps in %d days", seed, n, days)
			}
		}
	}
}

func wellFormed(c *Company, p Planted) error {
	if p.Start.Before(c.start.Add(day)) || p.Start.After(c.end.Add(-3*day)) {
		return fmt.Errorf("starts where nobody sees it begin")
	}
	if !p.End.IsZero() && (p.End.Sub(p.Start) < 2*day || p.End.After(c.end.Add(-3*day))) {
		return fmt.Errorf("is too short, or its end is not seen")
	}
	if p.Kind != "blind" && (p.Kind == "scope") != (p.Test == "") || (p.Kind == "blind") != (p.Resource == "") || p.Note == "" {
		return fmt.Errorf("says too little or too much")
	}
	if p.Kind == "blind" || p.Kind == "scope" || p.Stream.Kind == "github.pull_request" || p.Stream.Kind == "git.commit" { // what a later window holds is judged then
		return nil
	}
	for _, b := range c.Truth() {
		if b.Kind != "blind" || b.Stream != p.Stream {
			continue
		}
		dark := interval{b.Start, b.End}.widened(36 * time.Hour)
		if dark.holds(p.Start) || !p.End.IsZero() && dark.holds(p.End) {
			return fmt.Errorf("begins or ends close to the blind spot %v to %v", b.Start, b.End)
		}
	}
	return nil
}

// separate reports two gaps on the same thing that are closer than three days.
func separate(truth []Planted) error {
	last := map[string]Planted{}
	for _, p := range truth {
		key := strings.Join([]string{p.Kind, p.Test, p.Stream.String(), p.Resource}, " ")
		old, ok := last[key]
		if ok && (old.End.IsZero() || p.Start.Sub(old.End) < 3*day) {
			return fmt.Errorf("%s: %v to %v and again at %v", key, old.Start, old.End, p.Start)
		}
		last[key] = p
	}
	return nil
}

// everyTest are the tests of the contract that accidents break.
var everyTest = strings.Fields(`
	aws.iam.root-mfa aws.iam.root-no-access-key aws.iam.user-console-mfa aws.iam.password-policy aws.iam.key-age-90 aws.iam.unused-creds-90 aws.iam.root-unused
	aws.cloudtrail.multi-region aws.cloudtrail.logging aws.cloudtrail.validation aws.cloudtrail.encrypted aws.cloudtrail.management-events
	aws.s3.public-block aws.s3.versioning aws.s3.tls-only aws.config.recorder aws.guardduty.enabled aws.sg.no-world-admin aws.kms.rotation aws.rds.backup aws.rds.not-public
	github.org.2fa-required github.org.members-2fa github.org.base-permission
	github.branch.pr-required github.branch.force-push-blocked github.branch.stale-dismissed github.branch.checks-required github.branch.admins-bound
	github.pr.independent-approval github.pr.approved-last-push github.pr.checks-passed github.pr.ticket-linked
	okta.user.factor-active okta.user.inactive-90 okta.super-admins okta.token.not-super-admin roster.leaver.dated roster.service.owned
	id.account.linked id.account.personal id.service-accounts.registered id.leaver.idp-disabled id.leaver.no-account-left id.leaver.keys-revoked
	id.joiner.not-before-start id.member.idp-mfa id.privileged.inventory id.privileged.granted id.privileged.held
	change.commit.merged change.merge.in-history git.branch.not-rewritten`)

func TestEveryFamilyHappens(t *testing.T) {
	tests, seeds := map[string]int{}, 200
	for seed := range int64(seeds) {
		kinds, families := map[string]int{}, map[string]int{}
		c := grow(seed, 180)
		once := map[string]bool{}
		for _, p := range c.Truth() {
			kinds[p.Kind]++
			parts := strings.SplitN(p.Test, ".", 3)
			families[strings.Join(parts[:min(2, len(parts))], ".")]++
			if !once[p.Test] {
				once[p.Test] = true
				tests[p.Test]++
			}
		}
		for _, want := range []string{"aws.iam", "aws.cloudtrail", "aws.s3", "github.org", "github.branch", "github.pr"} {
			if families[want] < 2 {
				t.Errorf("seed %d: %d gaps in family %s", seed, families[want], want)
			}
		}
		if kinds["blind"] < 10 || kinds["scope"] > 1 || len(c.off) == 0 {
			t.Errorf("seed %d: %v gaps, %d times off", seed, kinds, len(c.off))
		}
	}
	for _, id := range everyTest {
		if tests[id] < seeds/2 {
			t.Errorf("%s is broken for %d of %d seeds only", id, tests[id], seeds)
		}
		delete(tests, id)
	}
	delete(tests, "")
	if len(tests) > 0 {
		t.Errorf("tests that are not in the contract: %v", tests)
	}
}

// TestPlantingLeavesLifeAlone: the same seed has the same people with and without accidents.
func TestPlantingLeavesLifeAlone(t *testing.T) {
	a, b := grow(7, 90), New(Options{Seed: 7, Start: start, Days: 90})
	if len(a.people) != len(b.people) || a.org.login != b.org.login || a.accounts[0].id != b.accounts[0].id {
		t.Fatal("planting changed who the company is")
	}
	for i := range a.people {
		if a.people[i].login != b.people[i].login || a.people[i].life != b.people[i].life {
			t.Errorf("person %d is %s or %s", i, a.people[i].login, b.people[i].login)
		}
	}
}

func TestOffEndsTheDay(t *testing.T) {
	c := grow(1, 180)
	for _, iv := range c.off {
		if c.Off(iv.from.Add(-time.Second)) || !c.Off(iv.from) || !c.Off(iv.to.Add(-time.Second)) || c.Off(iv.to) {
			t.Errorf("Off does not hold exactly in %v", iv)
		}
	}
}
