//go:build unix

package aws

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// standIns are the permissions that moto asks for where AWS asks for another
// one. They are granted in their place, and to take one away takes away what
// stands there. The test fails once moto asks for the right one.
//
// Two more flaws of moto do not matter here, but to whoever reads on: of
// resources it looks at the ARN alone, and it refuses all regions of other
// partitions (cn-*, us-gov-*), which it lists.
var standIns = map[string]struct{ permission, why string }{
	"s3:GetEncryptionConfiguration":  {"s3:ListBucket", "moto knows no ?encryption, and takes it for a list of objects"},
	"s3:GetBucketPublicAccessBlock":  {"s3:ListBucket", "moto looks for ?public_access_block, and takes ?publicAccessBlock for a list of objects"},
	"s3:GetBucketPolicyStatus":       {"s3:ListBucket", "moto knows no ?policyStatus, and takes it for a list of objects"},
	"s3:GetBucketOwnershipControls":  {"s3:ListBucket", "moto takes ?ownershipControls for a list of objects"},
	"cloudwatch:DescribeAlarms":      {"monitoring:DescribeAlarms", "moto takes the service from the signature, where CloudWatch has its old name"},
	"s3:GetAccountPublicAccessBlock": {"s3:GetPublicAccessBlock", "moto takes the name of the operation for that of the permission"},
}

// unenforced are the calls that moto answers with an error page before it looks
// at who asks. That their denial is told is shown by TestSuite alone.
var unenforced = []string{
	"access-analyzer:ListAnalyzers", "access-analyzer:ListFindingsV2", "guardduty:ListFindings", "guardduty:GetFindings", "securityhub:GetEnabledStandards",
	"backup:ListBackupJobs", "backup:ListProtectedResources", "backup:ListRestoreJobs", "backup:ListBackupSelections",
	"sso:ListAccountAssignments", // moto names no account to ask of
	"iam:ListVirtualMFADevices",  // which is asked where the root user has a device, and moto cannot give it one
}

// grantedBy returns the permission that moto asks for.
func grantedBy(permission string) string {
	if s, ok := standIns[permission]; ok {
		return s.permission
	}
	return permission
}

// permissions returns what the declared calls need, each once.
func permissions() []string {
	all := map[string]bool{}
	for _, c := range calls() {
		for _, p := range c.Permissions {
			all[p] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// proof is two accounts in which one policy is all that the collector has.
type proof struct {
	*moto
	main, inside seed
	id           string // of the inner account
	holder       credential
}

func (m *moto) prove(t *testing.T) *proof {
	t.Helper()
	p := &proof{moto: &moto{m.url, completion(t)}, main: m.seed(t)}
	p.main.organization()
	p.main.populate()
	p.main.passwordPolicy(8, 1) // so that it is asked whom it is for
	p.main.watch()
	p.main.rights()
	p.main.machines()
	p.main.databases()
	p.main.functions()
	p.main.plans()
	p.main.directory()
	p.main.user("evidenced")
	p.holder = p.main.accessKey("evidenced")
	p.id, p.inside = p.main.member("product")
	p.inside.console("dave")
	p.inside.bucket("us-east-1", "data")
	p.inside.trail("us-east-1", "data", cloudtrail.CreateTrailInput{Name: aws.String("product")})
	p.inside.role("Reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/evidenced"},"Action":"sts:AssumeRole"}]}`)
	return p
}

// grant returns the user and the role exactly the policy that is printed, after
// change, and has it enforced from then on.
func (p *proof) grant(t *testing.T, change func(calls []collectors.Call) []collectors.Call) {
	t.Helper()
	doc, err := Spec().Policy(change(Spec().Calls))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(doc), ":role/ROLE", ":role/Reader")
	p.enforce(t, false)
	p.main.grantUser("evidenced", text)
	p.inside.grantRole("Reader", text)
	p.enforce(t, true)
}

// roleAlone: a user who may do nothing but take the role reads the other
// account whole, because nothing there is asked with the user's own credential.
func (p *proof) roleAlone(t *testing.T) {
	p.grant(t, forMoto(""))
	p.enforce(t, false)
	p.main.grantUser("evidenced", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`)
	p.enforce(t, true)
	for st, s := range p.collect(t, everywhere, only(core...)) {
		inside := st.Scope == evidence.Scope(p.id)
		switch {
		case st.Kind == kindTrail: // see standIns
		case inside && !p.asFlawed(st, s):
			t.Errorf("%s: %v", st, s.Err)
		case !inside && !errors.Is(s.Err, collectors.ErrDenied):
			t.Errorf("%s: error %v, want it denied", st, s.Err)
		}
	}
}

// forMoto puts the stand-ins into the declaration, and takes one permission away.
func forMoto(without string) func([]collectors.Call) []collectors.Call {
	return func(cs []collectors.Call) []collectors.Call {
		cs = slices.Clone(cs)
		for i, c := range cs {
			cs[i].Permissions = nil
			for _, permission := range c.Permissions {
				if grantedBy(permission) != grantedBy(without) {
					cs[i].Permissions = append(cs[i].Permissions, grantedBy(permission))
				}
			}
		}
		return cs
	}
}

// collect reads both accounts, whether or not they can be listed.
func (p *proof) collect(t *testing.T, change ...func(*Config)) snapshots {
	t.Helper()
	return collect(t, p.open(t, p.holder, transport.Options{}, append(change, ofOrganization)...), motoAccount, evidence.Scope(p.id))
}

// leastPrivilege: the printed policy is enough, and nothing of it is too much.
func (m *moto) leastPrivilege(t *testing.T) {
	p := m.prove(t)
	t.Run("enough", p.enough)
	t.Run("as printed", p.asPrinted)
	t.Run("role alone", p.roleAlone)
	for _, permission := range permissions() {
		if lost := callsThatNeed(permission); slices.Contains(unenforced, lost[0].Name) {
			continue
		}
		t.Run("without "+permission, func(t *testing.T) { p.without(t, permission) })
	}
}

// enough: with all permissions, everything is read in both accounts.
func (p *proof) enough(t *testing.T) {
	p.grant(t, forMoto(""))
	all := p.collect(t)
	p.sound(t, all, ofOrganization)
	for st, s := range all {
		want := "arn:aws:iam::123456789012:user/evidenced"
		if st.Scope == evidence.Scope(p.id) {
			want = "arn:aws:sts::" + p.id + ":assumed-role/Reader/evidenced"
		}
		if s.Certificate.Principal != want {
			t.Errorf("%s: asked by %s, want %s", st, s.Certificate.Principal, want)
		}
		for _, x := range s.Exchanges {
			if strings.Contains(x.Body+x.Request, p.holder.secret) {
				t.Errorf("%s: the secret of the access key is in an exchange of %s", st, x.Call)
			}
		}
	}
	// With regions: enabled the list of regions is read; see standIns for why the trails are not whole then.
	regions := stream(motoAccount, kindRegion)
	if s := p.collect(t, everywhere, only(kindRegion))[regions]; s.Err != nil || len(s.Records) < 17 {
		t.Errorf("%s: %v, %d records", regions, s.Err, len(s.Records))
	}
}

// asPrinted: without stand-ins, moto refuses the calls that the table names, and no other.
func (p *proof) asPrinted(t *testing.T) {
	p.grant(t, func(cs []collectors.Call) []collectors.Call { return cs })
	refused := refusals(p.collect(t))
	for _, c := range calls() {
		stands := slices.ContainsFunc(c.Permissions, func(permission string) bool { return standIns[permission].permission != "" })
		if refused[c.Name] != stands && !slices.Contains(unenforced, c.Name) {
			t.Errorf("%s: refused %v; a stand-in is listed: %v", c.Name, refused[c.Name], stands)
		}
	}
}

// refusals returns the calls that were refused.
func refusals(all snapshots) map[string]bool {
	refused := map[string]bool{}
	for _, s := range all {
		for _, x := range s.Exchanges {
			refused[x.Call] = refused[x.Call] || x.Status == http.StatusForbidden
		}
	}
	return refused
}

// without: what one permission allows is denied by name, passes nothing, and
// nothing else is lost.
func (p *proof) without(t *testing.T, permission string) {
	p.grant(t, forMoto(permission))
	lost := callsThatNeed(permission)
	change := []func(*Config){only(served(lost)...)}
	if permission == "ec2:DescribeRegions" {
		change = append(change, everywhere) // otherwise it is not asked
	}
	all := p.collect(t, change...)
	for st, s := range all {
		switch {
		case p.needs(st, lost[0]) && p.asks(st, s, lost):
			isDenied(t, st, s, lost)
		case !p.asFlawed(st, s):
			t.Errorf("%s: %v", st, s.Err)
		}
	}
	refused := refusals(all)
	for _, c := range calls() {
		if gone := slices.ContainsFunc(lost, func(l collectors.Call) bool { return l.Name == c.Name }); refused[c.Name] != gone {
			t.Errorf("%s: refused %v", c.Name, refused[c.Name])
		}
	}
	p.passesNothing(t, all, lost[0])
}

// asks reports whether a call was made. In the inner account, which holds little,
// some are not: there is no table to ask about.
func (p *proof) asks(st evidence.Stream, s transport.Snapshot, lost []collectors.Call) bool {
	if st.Scope != evidence.Scope(p.id) && st.Kind != kindInspector || lost[0].Name == "sts:AssumeRole" {
		return true // of Inspector moto says nothing, and the machines that it would scan are not asked for
	}
	return slices.ContainsFunc(s.Exchanges, func(x evidence.Exchange) bool {
		return slices.ContainsFunc(lost, func(c collectors.Call) bool { return c.Name == x.Call })
	})
}

// served are the kinds that calls serve, those of core where they serve all.
func served(cs []collectors.Call) (kinds []evidence.Kind) {
	for _, c := range cs {
		kinds = append(kinds, c.Kinds...)
	}
	if kinds == nil {
		return core
	}
	return kinds
}

// callsThatNeed returns the calls that moto refuses without a permission.
func callsThatNeed(permission string) (lost []collectors.Call) {
	for _, c := range calls() {
		if slices.ContainsFunc(c.Permissions, func(p string) bool { return grantedBy(p) == grantedBy(permission) }) {
			lost = append(lost, c)
		}
	}
	return lost
}

// passesNothing: no test passes on a kind that could not be read.
func (p *proof) passesNothing(t *testing.T, all snapshots, lost collectors.Call) {
	t.Helper()
	cat, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	kindOf := map[string]evidence.Kind{}
	for _, ts := range cat.Tests() {
		kindOf[ts.ID] = ts.Kind
	}
	for _, ts := range judge(t, all).Tests {
		if st := stream(p.id, kindOf[ts.Test]); ts.Now == result.Pass && p.needs(st, lost) {
			t.Errorf("%s passes", ts.Test)
		}
	}
}

func everywhere(c *Config) { c.Regions = Choice{Word: enabled} }

// needs reports whether a stream cannot be whole without a call.
func (p *proof) needs(st evidence.Stream, c collectors.Call) bool {
	switch c.Name {
	case "sts:AssumeRole":
		return st.Scope == evidence.Scope(p.id)
	case "ec2:DescribeRegions":
		return st.Kind == kindRegion || st.Kind == kindTrail
	}
	return slices.Contains(c.Kinds, st.Kind)
}

// isDenied wants a snapshot that names one of the calls as denied.
func isDenied(t *testing.T, st evidence.Stream, s transport.Snapshot, lost []collectors.Call) {
	t.Helper()
	if s.Certificate.Complete || collectors.ReasonOf(s.Err).Class != evidence.Denied {
		t.Errorf("%s: complete %v, error %v; want it denied", st, s.Certificate.Complete, s.Err)
		return
	}
	named := func(c collectors.Call) bool {
		_, operation, _ := strings.Cut(c.Name, ":")
		return strings.Contains(s.Err.Error(), operation)
	}
	if !slices.ContainsFunc(lost, named) {
		t.Errorf("%s: %v names none of %v", st, s.Err, lost)
	}
	for _, c := range lost {
		isAbsent(t, s, c.Name)
	}
}

// isAbsent: what one call alone says is not said without it. The rest is, and
// the certificate knows a part that was read.
func isAbsent(t *testing.T, s transport.Snapshot, call string) {
	t.Helper()
	attribute, alone := saidBy[call]
	if !alone {
		return
	}
	if len(s.Records) == 0 || !slices.ContainsFunc(s.Certificate.Scopes, func(r evidence.ScopeResult) bool { return r.Status == evidence.ScopeRead }) {
		t.Errorf("%d records, scopes %v: want what can be read", len(s.Records), s.Certificate.Scopes)
	}
	for _, r := range s.Records {
		if v, present := r.Attributes[attribute]; present {
			t.Errorf("%s says %s: %v", r.ID, attribute, v)
		}
	}
}

// credential: with a key that moto does not know, or that does not sign as it
// should, nothing is read. moto puts its code where only EC2 has it, so that
// the status is all that is left to go by: 403 is "denied", where the codes of
// AWS make it "not authenticated" (TestRoleRefused).
func (m *moto) credential(t *testing.T) {
	s := m.seed(t)
	s.user("evidenced")
	good := s.accessKey("evidenced")
	m.enforce(t, true)
	for name, c := range map[string]credential{
		"wrong secret": {id: good.id, secret: secretKey},
		"unknown key":  {id: "AKIAAAAAAAAAAAAAAAAA", secret: good.secret},
		"stray token":  {id: good.id, secret: good.secret, token: sessionToken},
	} {
		all := collect(t, m.open(t, c, transport.Options{}), motoAccount)
		if len(all) != len(kinds()) {
			t.Errorf("%s: %d streams", name, len(all))
		}
		for st, s := range all {
			if !errors.Is(s.Err, collectors.ErrDenied) || s.Certificate.Complete || len(s.Exchanges) != 1 || len(s.Records) != 0 {
				t.Errorf("%s: %s: complete %v, error %v, %d exchanges, %d records", name, st, s.Certificate.Complete, s.Err, len(s.Exchanges), len(s.Records))
			}
		}
	}
	root := m.open(t, good, transport.Options{}).Visit(t.Context(), single).Capture(t.Context(), kindAccount, evidence.Window{})
	if root.Err != nil || root.Certificate.Principal != "arn:aws:iam::123456789012:user/evidenced" {
		t.Errorf("the right key: %v, asked by %s", root.Err, root.Certificate.Principal)
	}
}
