package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// onBranch answers for the default branch, the only one that is known by name.
func (c *Company) onBranch(q *hubRequest, answer func(*repository) reply) reply {
	return c.onRepo(q, func(r *repository) reply {
		if q.http.PathValue("branch") != r.branch {
			return hubError(http.StatusNotFound, "Branch not found")
		}
		return answer(r)
	})
}

func (c *Company) getProtection(q *hubRequest) reply {
	return c.onBranch(q, func(r *repository) reply {
		k := r.protection.at(q.now).classic
		if k == nil {
			return hubError(http.StatusNotFound, "Branch not protected")
		}
		return hubReply(k.card(r))
	})
}

func (k *classic) card(r *repository) object {
	u := hubAPI + "/repos/" + r.full + "/branches/" + r.branch + "/protection"
	on := func(b bool) object { return object{"enabled": b} }
	out := object{
		"url": u, "enforce_admins": object{"url": u + "/enforce_admins", "enabled": k.admins},
		"required_signatures":     object{"url": u + "/required_signatures", "enabled": false},
		"required_linear_history": on(false), "allow_force_pushes": on(k.forcePush), "allow_deletions": on(k.deletion),
		"block_creations": on(false), "required_conversation_resolution": on(true), "lock_branch": on(false), "allow_fork_syncing": on(false),
	}
	if k.reviews {
		out["required_pull_request_reviews"] = object{
			"url": u + "/required_pull_request_reviews", "dismiss_stale_reviews": k.dismissStale, "require_code_owner_reviews": k.codeOwner,
			"required_approving_review_count": k.approvals, "require_last_push_approval": k.lastPush,
		}
	}
	if len(k.checks) > 0 {
		out["required_status_checks"] = object{
			"url": u + "/required_status_checks", "strict": true, "contexts": k.checks, "contexts_url": u + "/required_status_checks/contexts",
			"checks": checkList(k.checks, "app_id"),
		}
	}
	return out
}

func checkList(names []string, app string) (out []object) {
	for _, n := range names {
		out = append(out, object{"context": n, app: 15368})
	}
	return out
}

func (c *Company) listRules(q *hubRequest) reply {
	return c.onBranch(q, func(r *repository) reply {
		rules := r.protection.at(q.now).rules.cards(r)
		return q.list(len(rules), otherPage, func(i int) []byte { return render(rules[i]) })
	})
}

// ruleParameters are those of rule types without meaning to the tests.
var ruleParameters = map[string]object{
	"merge_queue": {"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN", "max_entries_to_build": 5, "max_entries_to_merge": 5,
		"merge_method": "SQUASH", "min_entries_to_merge": 1, "min_entries_to_merge_wait_minutes": 5},
	"code_scanning":         {"code_scanning_tools": []object{{"tool": "CodeQL", "alerts_threshold": "errors", "security_alerts_threshold": "high_or_higher"}}},
	"file_path_restriction": {"restricted_file_paths": []string{"LICENSE"}},
}

// cards gives the rules that are in force, those of the organisation's ruleset last.
func (k *ruleset) cards(r *repository) (out []object) {
	if k == nil {
		return nil
	}
	add := func(kind string, parameters object) {
		rule := object{"type": kind, "ruleset_source_type": "Repository", "ruleset_source": r.full, "ruleset_id": r.rulesetID()}
		if parameters != nil {
			rule["parameters"] = parameters
		}
		out = append(out, rule)
	}
	if k.deletion {
		add("deletion", nil)
	}
	if k.nonFastForward {
		add("non_fast_forward", nil)
	}
	if k.reviews {
		add("pull_request", object{"required_approving_review_count": k.approvals, "dismiss_stale_reviews_on_push": k.dismissStale,
			"require_code_owner_review": false, "require_last_push_approval": k.lastPush, "required_review_thread_resolution": false})
	}
	if len(k.checks) > 0 {
		add("required_status_checks", object{"strict_required_status_checks_policy": true, "required_status_checks": checkList(k.checks, "integration_id")})
	}
	for _, kind := range k.others {
		add(kind, ruleParameters[kind])
	}
	return out
}

// getRuleset gives the one ruleset of a repository, as one sees it who may change it: nobody may bypass it.
func (c *Company) getRuleset(q *hubRequest) reply {
	return c.onRepo(q, func(r *repository) reply {
		rules := r.protection.at(q.now).rules.cards(r)
		if len(rules) == 0 || q.http.PathValue("ruleset_id") != fmt.Sprint(r.rulesetID()) {
			return notFound()
		}
		for _, rule := range rules {
			delete(rule, "ruleset_source_type")
			delete(rule, "ruleset_source")
			delete(rule, "ruleset_id")
		}
		return hubReply(object{
			"id": r.rulesetID(), "name": "default branch", "target": "branch", "source_type": "Repository", "source": r.full, "enforcement": "active",
			"bypass_actors": []object{}, "current_user_can_bypass": "never", "node_id": nodeID("RRS_", r.rulesetID()), "created_at": r.created, "updated_at": r.created,
			"conditions": object{"ref_name": object{"include": []string{"~DEFAULT_BRANCH"}, "exclude": []string{}}}, "rules": rules,
		})
	})
}

func (r *repository) rulesetID() int64 { return 1 + r.id%100_000 }

func (c *Company) getBranch(q *hubRequest) reply {
	return c.onBranch(q, func(r *repository) reply {
		u := hubAPI + "/repos/" + r.full
		k := r.protection.at(q.now).classic
		shield := object{"enabled": false}
		if k != nil {
			shield = k.card(r)
			shield["enabled"] = true
		}
		tip, at := c.tip(r, q.now)
		return hubReply(object{
			"name": r.branch, "protected": r.protection.at(q.now) != protection{}, "protection": shield,
			"protection_url": u + "/branches/" + r.branch + "/protection", "commit": json.RawMessage(commit{sha: tip, at: at}.card(r)),
			"_links": object{"html": "https://github.com/" + r.full + "/tree/" + r.branch, "self": u + "/branches/" + r.branch},
		})
	})
}

// tip gives the head of the default branch.
func (c *Company) tip(r *repository, t time.Time) (sha string, at time.Time) {
	if k := c.clone; k != nil && k.repo == r {
		last := k.tips.steps[max(k.tips.after(t)-1, 0)]
		return last.value, last.at
	}
	sha, at = "0f0e0d0c0b0a09080706050403020100ffeeddcc", r.created
	for _, p := range r.pulls {
		if shows(p.merged, t) && p.base == r.branch && p.merged.After(at) {
			sha, at = p.mergeSHA(), p.merged
		}
	}
	return sha, at
}

// refusedRef answers for a commit that is not there.
func refusedRef(ref string) reply {
	return hubError(http.StatusUnprocessableEntity, "No commit found for SHA: "+ref)
}
