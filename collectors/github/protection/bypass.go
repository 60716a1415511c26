package protection

import (
	"slices"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// Ruleset is the part of a ruleset that its rules do not have. GitHub shows who
// may bypass it to those only who may change it; to others it is nil.
type Ruleset struct {
	Enforcement string    `json:"enforcement"`
	Bypass      *[]bypass `json:"bypass_actors"`
}

// InForce leaves out the rules of rulesets that only evaluate, or are off.
func InForce(rules []Rule, sets map[int64]Ruleset) []Rule {
	return slices.DeleteFunc(slices.Clone(rules), func(v Rule) bool {
		e := sets[v.Ruleset].Enforcement
		return e != "" && e != "active"
	})
}

// bypass is who may go around a ruleset: a role, a team, an app, and when.
type bypass struct {
	Type string `json:"actor_type"`
	ID   int64  `json:"actor_id"`
	Mode string `json:"bypass_mode"`
}

func (b bypass) text() string {
	return strings.Join(strings.Fields(b.Type+" "+number(b.ID)+" "+b.Mode), " ")
}

// number returns a number as text, "" for none.
func number(id int64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatInt(id, 10)
}

// allowances are those who may merge past the reviews of classic Facts,
// whether or not administrators are bound.
type allowances struct {
	Users []struct {
		Login string `json:"login"`
	} `json:"users"`
	Teams []slugged `json:"teams"`
	Apps  []slugged `json:"apps"`
}

type slugged struct {
	Slug string `json:"slug"`
}

func (v *allowances) texts() (all []string) {
	if v == nil {
		return nil
	}
	for _, u := range v.Users {
		all = append(all, "User "+u.Login)
	}
	for _, t := range v.Teams {
		all = append(all, "Team "+t.Slug)
	}
	for _, p := range v.Apps {
		all = append(all, "App "+p.Slug)
	}
	return all
}

// AddBypass adds who may bypass some ruleset that is in force, and who may merge
// past the review. A ruleset that is hidden leaves out what it could say.
func AddBypass(a collectors.Attributes, classic, rules Facts, sets map[int64]Ruleset) {
	actors, known := bypassers(rules.rulesets, sets)
	if known && rules.Read {
		a.Set("bypass_actors", actors)
	}
	if who, known := reviewBypass(classic, rules, sets); known {
		a.Set("review_bypass", who)
	}
}

// bypassers returns who may bypass one of the rulesets; not known where one hides it.
func bypassers(ids []int64, sets map[int64]Ruleset) (all []string, known bool) {
	all, known = []string{}, true
	for _, id := range ids {
		set := sets[id]
		if set.Bypass == nil {
			known = false
			continue
		}
		for _, b := range *set.Bypass {
			all = append(all, b.text())
		}
	}
	return all, known
}

// reviewBypass returns who may merge without the approval that the branch asks
// for. Each of classic protection and the rulesets that ask for one has to be
// bypassed: one that nobody may bypass binds everybody. It is not known where
// nothing asks for an approval, or where one that does so hides who may bypass it.
func reviewBypass(classic, rules Facts, sets map[int64]Ruleset) ([]string, bool) {
	all, layers, hidden := []string{}, 0, !classic.Read || !rules.Read
	add := func(who []string, known bool) bool {
		layers++
		all = append(all, who...)
		hidden = hidden || !known
		return known && len(who) == 0
	}
	if classic.requiresApproval() {
		who, known := classic.reviewExempt, classic.enforceAdmins != nil
		if known && !*classic.enforceAdmins {
			who = append([]string{"administrators"}, who...)
		}
		if add(who, known) {
			return []string{}, true
		}
	}
	for _, id := range rules.reviewRulesets {
		if add(bypassers([]int64{id}, sets)) {
			return []string{}, true
		}
	}
	return all, layers > 0 && !hidden
}

// requiresApproval reports whether a pull request with an approval is asked for.
func (p Facts) requiresApproval() bool {
	return p.pullRequest != nil && *p.pullRequest && deref(p.approvals) > 0
}
