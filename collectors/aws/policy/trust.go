package policy

import (
	"slices"
	"strings"
)

// Trust is who may assume a role.
type Trust struct {
	// Anyone: somebody without any relation to the account may.
	Anyone bool
	// Undecided are the statements of which it cannot be said, by name.
	Undecided []string
	// Services, Providers and Accounts are those that are named: services of AWS,
	// identity providers, accounts other than the role's own.
	Services, Providers, Accounts []string
	// Bare are the other accounts that are trusted without an external ID, and
	// without a condition that keeps the confused deputy out.
	Bare []string
}

// assumptions are the actions by which a role is assumed.
var assumptions = []string{"sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"}

// Trust returns who may assume a role of an account, by the role's trust policy.
func (d Document) Trust(account string) (t Trust) {
	for _, s := range d.Statement {
		if s.Effect != allow || !slices.ContainsFunc(assumptions, s.onAction) {
			continue
		}
		t.Services = append(t.Services, s.Principal["Service"]...)
		t.Providers = append(t.Providers, s.Principal["Federated"]...)
		t.addAccounts(s, account)
		switch min(max(s.openness(), s.federation()), d.denied(s)) {
		case open:
			t.Anyone = true
		case undecided:
			t.Undecided = append(t.Undecided, s.name())
		}
	}
	return t
}

// openness is how far a statement for everyone reaches; one for somebody is narrow.
func (s Statement) openness() reach {
	if !s.everyone() {
		return narrow
	}
	return s.reach(nil)
}

// addAccounts notes the other accounts, and those without protection against the
// confused deputy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
func (t *Trust) addAccounts(s Statement, account string) {
	for _, who := range s.Principal["AWS"] {
		other := accountOf(who)
		if other == account || other == "" {
			continue
		}
		t.Accounts = append(t.Accounts, other)
		if other != "*" && !s.knowsDeputy() {
			t.Bare = append(t.Bare, other)
		}
	}
}

// accountOf returns the account of a principal: an ARN, an account id, or "*". The
// id of a principal that is gone has none.
func accountOf(who string) string {
	if fields := strings.SplitN(who, ":", 6); len(fields) == 6 && fields[0] == "arn" {
		return fields[4]
	}
	if who == "*" || accountNumber().MatchString(who) {
		return who
	}
	return ""
}

// deputyKeys keep the confused deputy out: a text that the other account was given
// for us alone, or a person with a second factor in place of a service.
var deputyKeys = map[string]check{"sts:externalid": literal, "aws:multifactorauthpresent": isTrue}

func (s Statement) knowsDeputy() bool {
	for operator, keys := range s.Condition {
		base, holdsWithout := plainOperator(operator)
		for key, vs := range keys {
			key = strings.ToLower(key)
			c := deputyKeys[key]
			if c == nil && (key == "aws:principalorgid" || key == "aws:principalorgpaths") {
				c = restrictingKeys[key]
			}
			if c != nil && !negated(base) && base != "null" && (!holdsWithout || s.demands(key)) && c(vs, strings.HasSuffix(base, "like")) == narrow {
				return true
			}
		}
	}
	return false
}

// sharedProviders are identity providers that everyone can have tokens of, with the
// claims that say whose a token is. AWS demands one of these of new roles.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html
var sharedProviders = map[string]map[string]check{
	"token.actions.githubusercontent.com":                {"sub": ofRepository, "job_workflow_ref": ofRepository, "repository": ofRepository, "repository_owner": literal, "repository_id": literal, "repository_owner_id": literal, "enterprise_id": literal},
	"oidc-configuration.audit-log.githubusercontent.com": {"sub": literalStart},
	"vstoken.actions.githubusercontent.com":              {"sub": literalStart},
	"gitlab.com":                                         {"sub": ofProject, "namespace_id": literal, "project_id": literal, "namespace_path": literal, "project_path": ofProject},
	"app.terraform.io":                                   {"sub": ofField("organization")},
	"agent.buildkite.com":                                {"sub": ofField("organization"), "organization_id": literal},
	"oidc.vercel.com":                                    {"aud": literal, "sub": ofField("owner")},
	"api.pulumi.com/oidc":                                {"aud": literal, "sub": ofField("organization")},
	"oidc.codefresh.io":                                  {"sub": ofField("account")},
	"scalr.io":                                           {"sub": literalStart},
	"tokens.cloud.shisho.dev":                            {"sub": literalStart},
	"proidc.upbound.io":                                  {"sub": literalStart},
	"accounts.google.com":                                {"aud": literal, "sub": literal, "oaud": literal, "email": literal},
	"www.amazon.com":                                     {"app_id": literal, "user_id": literal},
	"graph.facebook.com":                                 {"app_id": literal, "id": literal},
	"cognito-identity.amazonaws.com":                     {"aud": literal, "sub": literal},
}

// federation is how far a statement for an identity provider reaches. A provider of
// the account's own is narrow: who has its tokens is the company's to say.
func (s Statement) federation() reach {
	most := narrow
	for _, p := range s.Principal["Federated"] {
		issuer := p
		if _, after, found := strings.Cut(p, ":oidc-provider/"); found {
			issuer = after
		}
		claims, shared := sharedProviders[strings.TrimSuffix(issuer, "/")]
		if !shared {
			continue
		}
		own := map[string]check{}
		for claim, c := range claims {
			own[strings.ToLower(issuer)+":"+claim] = c
		}
		for _, claim := range []string{"aud", "azp", "actor", "environment", "ref", "amr", "event_name"} {
			if key := strings.ToLower(issuer) + ":" + claim; own[key] == nil {
				own[key] = chosen
			}
		}
		most = max(most, s.reach(own))
	}
	return most
}

// chosen are claims that whoever asks for a token has a say in.
func chosen(values, bool) reach { return open }

// literalStart: the subject has no wildcard in its first part.
func literalStart(vs values, pattern bool) reach {
	return literal(each(vs, func(v string) string { return v[:min(len(v), 1)] }), pattern)
}

// ofRepository: what a repository of a known owner is asked for. A wildcard in the
// owner's name, as in "repo:acme*", is met by an account that anyone can make.
// https://docs.github.com/en/actions/reference/security/oidc
func ofRepository(vs values, pattern bool) reach {
	return literal(each(vs, func(v string) string {
		if owner, of := strings.CutPrefix(v, "repository_owner:"); of {
			owner, _, _ = strings.Cut(owner, ":")
			return owner
		}
		v = strings.TrimPrefix(v, "repo:")
		owner, _, found := strings.Cut(v, "/")
		if !found && wild(v) {
			return "*"
		}
		return owner
	}), pattern)
}

// ofProject: as ofRepository, of GitLab, where a group stands first.
func ofProject(vs values, pattern bool) reach {
	return literal(each(vs, func(v string) string {
		v = strings.TrimPrefix(v, "project_path:")
		group, _, found := strings.Cut(v, "/")
		if !found && wild(v) {
			return "*"
		}
		return group
	}), pattern)
}

// ofField: the subject is a list of names and values, such as
// "organization:acme:project:web", of which one says whose it is.
func ofField(name string) check {
	return func(vs values, pattern bool) reach {
		return literal(each(vs, func(v string) string {
			before, after, found := strings.Cut(v, name+":")
			if !found || wild(before) {
				return "*"
			}
			owner, _, more := strings.Cut(after, ":")
			if !more && wild(owner) {
				return "*"
			}
			return owner
		}), pattern)
	}
}
