//go:build unix

package aws

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// TestMoto holds the collector to moto. Its subtests share one server.
func TestMoto(t *testing.T) {
	m := startMoto(t)
	m.run(t, "account", (*moto).account)
	m.run(t, "services", (*moto).services)
	m.run(t, "account in order", (*moto).accountInOrder)
	m.run(t, "empty account", (*moto).emptyAccount)
	m.run(t, "enabled regions", (*moto).enabledRegions)
	m.run(t, "organization", (*moto).organization)
	m.run(t, "CA bundle", (*moto).caBundle)
	m.run(t, "old key", (*moto).oldKey)
	m.run(t, "unknown operations", (*moto).unknownOperations)
	m.run(t, "least privilege", (*moto).leastPrivilege)
	m.run(t, "credential", (*moto).credential)
	m.run(t, "template", (*moto).template)
}

// open opens the source as the holder of c, in three regions where not changed: one has no trail.
func (m *moto) open(t *testing.T, c credential, opt transport.Options, change ...func(*Config)) *transport.Source {
	t.Helper()
	environment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", c.id)
	t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
	t.Setenv("AWS_SESSION_TOKEN", c.token)
	cfg := newConfig()
	cfg.Common.Endpoint, cfg.Regions = m.url, Choice{List: []string{"eu-central-1", "eu-west-1", "us-east-1"}}
	for _, f := range change {
		f(cfg)
	}
	if m.completed != nil && opt.Base == nil {
		opt.Base = completing{m.completed}
	}
	opt.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	src, err := transport.Open(Spec(), cfg, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// snapshots are the captures of the streams of one source.
type snapshots map[evidence.Stream]transport.Snapshot

func stream(scope string, k evidence.Kind) evidence.Stream {
	return evidence.Stream{Source: "aws", Kind: k, Scope: evidence.Scope(scope)}
}

// lastDay is the window of the kinds that are events.
var lastDay = evidence.Window{From: time.Now().UTC().Truncate(time.Hour).AddDate(0, 0, -1), To: time.Now().UTC().Truncate(time.Hour)}

func windowOf(k collectors.KindSpec) evidence.Window {
	if k.Mode == evidence.Event {
		return lastDay
	}
	return evidence.Window{}
}

// collect captures every stream: the root, and what follows from it, or the
// scopes that are known from before.
func collect(t *testing.T, src *transport.Source, known ...evidence.Scope) snapshots {
	t.Helper()
	root := stream(string(src.Collector().RootScope()), kindAccount)
	all := snapshots{root: src.Visit(t.Context(), root.Scope).Capture(t.Context(), root.Kind, evidence.Window{})}
	if known == nil {
		known = src.Collector().Scopes(all[root].Records)
	}
	for _, scope := range known {
		visit := src.Visit(t.Context(), scope)
		for _, k := range src.Spec.Kinds {
			if k.Kind == root.Kind {
				continue
			}
			all[stream(string(scope), k.Kind)] = visit.Capture(t.Context(), k.Kind, windowOf(k))
		}
	}
	return all
}

// sound holds every snapshot to what its certificate must state, and to its recording.
func (m *moto) sound(t *testing.T, all snapshots, change ...func(*Config)) {
	t.Helper()
	for st, s := range all {
		c := s.Certificate
		if !m.asFlawed(st, s) || c.Complete != (s.Err == nil) {
			t.Errorf("%s: complete %v, error %v", st, c.Complete, s.Err)
		}
		if c.Rows != len(s.Records) || c.Requests != len(s.Exchanges) || !slices.Equal(c.Endpoints, []string{strings.TrimPrefix(m.url, "http://")}) {
			t.Errorf("%s: %d rows of %d, %d requests of %d, endpoints %v", st, c.Rows, len(s.Records), c.Requests, len(s.Exchanges), c.Endpoints)
		}
		for _, x := range s.Exchanges {
			if x.RequestID == "" && x.Status < 300 {
				t.Errorf("%s: %s has no request id: %v", st, x.Call, x.Header)
			}
		}
		m.replays(t, st, s, change...)
	}
}

// flaws are the kinds that moto does not answer whole: the operation that it
// lacks, and the class of the failure that this must be. Never may it be "there
// is none". A test fails once moto has the operation.
var flaws = map[evidence.Kind]struct {
	operation string
	class     error
}{
	kindAnalyzer:       {"ListAnalyzers", collectors.ErrUnreachable}, // 500, in HTML
	kindExternalAccess: {"ListAnalyzers", collectors.ErrUnreachable},
	kindManaged:        {"DescribeInstanceInformation", collectors.ErrUnreachable},
	kindEvent:          {"LookupEvents", collectors.ErrUnreachable},
	kindOwnRead:        {"LookupEvents", collectors.ErrUnreachable},
	kindCompute:        {"GetSnapshotBlockPublicAccessState", collectors.ErrUnreachable},
	kindBackupJob:      {"ListBackupJobs", collectors.ErrIncomplete}, // 404, in HTML
	kindProtected:      {"ListProtectedResources", collectors.ErrIncomplete},
	kindRestoreJob:     {"ListRestoreJobs", collectors.ErrIncomplete},
	kindInspector:      {"BatchGetAccountStatus", collectors.ErrIncomplete}, // an empty list
	kindBucket:         {"GetBucketPolicyStatus", collectors.ErrIncomplete}, // the bucket's objects, with 200
	kindHub:            {"GetEnabledStandards", collectors.ErrIncomplete},
	kindThreat:         {"ListFindings", collectors.ErrIncomplete},
	kindBackupPlan:     {"ListBackupSelections", collectors.ErrUnreachable},
	kindRecorder:       {"DescribeDeliveryChannelStatus", collectors.ErrUnreachable},
	kindInstance:       {"DescribeInstanceInformation", collectors.ErrUnreachable},
	kindSnapshot:       {"GetSnapshotBlockPublicAccessState", collectors.ErrUnreachable},
	kindDatabase:       {"ListProtectedResources", collectors.ErrIncomplete},
	kindTable:          {"ListProtectedResources", collectors.ErrIncomplete},
}

// ifAny are the kinds whose flaw shows only where there is something to ask of:
// a bucket, a hub, a detector, a plan, a recorder, an instance, a snapshot that is
// public, a database or table without backups of its own.
var ifAny = []evidence.Kind{kindBucket, kindHub, kindThreat, kindBackupPlan, kindRecorder, kindInstance, kindSnapshot, kindDatabase, kindTable}

// asFlawed reports whether a snapshot is whole, or lacks just what moto lacks.
func (m *moto) asFlawed(st evidence.Stream, s transport.Snapshot) bool {
	if st.Kind == kindUser || m.completed != nil && st.Kind != kindInspector {
		return s.Err == nil || onlyRootless(st, s)
	}
	f, flawed := flaws[st.Kind]
	if !flawed || s.Err == nil {
		return s.Err == nil && (!flawed || slices.Contains(ifAny, st.Kind))
	}
	return errors.Is(s.Err, f.class) && strings.Contains(s.Err.Error(), f.operation)
}

// core are the kinds of which moto knows enough for scenes of several accounts and regions.
var core = []evidence.Kind{kindRegion, kindIAMAccount, kindPasswordPolicy, kindUser, kindTrail, kindBucket}

// only leaves the other kinds unread.
func only(kinds ...evidence.Kind) func(*Config) {
	return func(c *Config) { c.Common.Kinds = kinds }
}

// onlyRootless tells the flaws of moto's credential report: it has no row of
// the root user, and is of 2015. Nothing else may be missing.
func onlyRootless(st evidence.Stream, s transport.Snapshot) bool {
	var got []string
	for _, sc := range s.Certificate.Scopes {
		got = append(got, string(sc.Scope)+" "+string(sc.Status))
	}
	account := string(st.Scope)
	return st.Kind == kindUser && slices.Equal(got, []string{account + " read", account + "/report failed", account + "/root failed"}) &&
		collectors.ReasonOf(s.Err).Class == evidence.Incomplete
}

// replays: what moto answered gives the same records again, without moto.
func (m *moto) replays(t *testing.T, st evidence.Stream, s transport.Snapshot, change ...func(*Config)) {
	t.Helper()
	k, _ := Spec().Kind(st.Kind)
	again := m.open(t, credential{}, transport.Replay(s.Exchanges), change...).Visit(t.Context(), st.Scope).Capture(t.Context(), st.Kind, windowOf(k))
	got, err := evidence.Lines(again.Records)
	want, errWant := evidence.Lines(s.Records)
	if err != nil || errWant != nil || string(got) != string(want) || again.Certificate.Complete != s.Certificate.Complete {
		t.Errorf("%s: the recording gives %s, want %s; errors %v, %v, %v", st, got, want, err, errWant, again.Err)
	}
}

var anyTime = regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// shows compares a snapshot with what is expected; times of this test are written NOW.
func shows(t *testing.T, s transport.Snapshot, complete bool, want string) {
	t.Helper()
	masked := slices.Clone(s.Records)
	for i, r := range masked {
		masked[i].Attributes = maps.Clone(r.Attributes)
		for name, v := range r.Attributes {
			if text, ok := v.(string); ok && anyTime.MatchString(text) && recent(text) {
				masked[i].Attributes[name] = "NOW"
			}
		}
	}
	s.Records = masked
	expect(t, s, complete, want)
}

// testsBegan is when this process began: what moto made since has a later time.
var testsBegan = time.Now()

func recent(text string) bool {
	at, err := time.Parse(time.RFC3339, text)
	return err == nil && at.After(testsBegan.Add(-time.Minute)) && at.Before(time.Now().Add(time.Minute))
}

// account: every kind of an account that has something of everything.
func (m *moto) account(t *testing.T) {
	m.seed(t).populate()
	all := collect(t, m.open(t, anyone, transport.Options{}, only(core...)))
	m.sound(t, all, only(core...))
	for st, s := range all {
		if s.Certificate.Principal != "arn:aws:sts::123456789012:user/moto" {
			t.Errorf("%s: asked by %s", st, s.Certificate.Principal)
		}
	}
	shows(t, all[stream("single", kindAccount)], true, `123456789012 123456789012 [] {"state":"ACTIVE"}
single read`)
	shows(t, all[stream(motoAccount, kindIAMAccount)], true, `123456789012 123456789012 [] {"mfa_devices":1,"mfa_devices_in_use":1,"root_access_keys":0,"root_mfa":false,"users":3}
123456789012 read`)
	shows(t, all[stream(motoAccount, kindPasswordPolicy)], true, `123456789012 123456789012 [] {"allow_change":true,"exists":true,"expire":false,"hard_expiry":false,"max_age_days":0,"minimum_length":14,"require_lowercase":false,"require_numbers":true,"require_symbols":false,"require_uppercase":false,"reuse_prevention":24}
123456789012 read`)
	shows(t, all[stream(motoAccount, kindTrail)], true, `
arn:aws:cloudtrail:eu-west-1:123456789012:trail/stopped stopped [123456789012/eu-west-1] {"all_management_events":true,"bucket":"logs","data_events":false,"home_region":"eu-west-1","is_logging":false,"latest_delivery_at":"NOW","log_validation":false,"management_events":true,"multi_region":false,"organization_trail":false,"started_logging_at":"NOW","stopped_logging_at":"NOW"}
arn:aws:cloudtrail:us-east-1:123456789012:trail/main main [123456789012/us-east-1] {"all_management_events":true,"bucket":"logs","data_events":false,"home_region":"us-east-1","is_logging":true,"kms_key_id":"`+kmsKey+`","latest_delivery_at":"NOW","log_validation":true,"management_events":true,"multi_region":true,"organization_trail":false,"started_logging_at":"NOW"}
123456789012/eu-central-1 read
123456789012/eu-west-1 read
123456789012/us-east-1 read`)
	m.users(t, all[stream(motoAccount, kindUser)])
	m.buckets(t, all[stream(motoAccount, kindBucket)])
	says(t, judge(t, all), `
aws.cloudtrail.encrypted fail [stopped]
aws.cloudtrail.logging fail [stopped]
aws.cloudtrail.management-events pass []
aws.cloudtrail.multi-region pass []
aws.cloudtrail.validation fail [stopped]
aws.iam.key-age-90 unknown []
aws.iam.password-policy pass []
aws.iam.root-mfa fail [123456789012]
aws.iam.root-mfa-hardware not_applicable []
aws.iam.root-no-access-key pass []
aws.iam.root-unused unknown []
aws.iam.unused-creds-90 unknown []
aws.iam.user-console-mfa fail [alice]
aws.s3.access-logged fail [half logs open]
aws.s3.encrypted fail [half open]
aws.s3.policy-private unknown []
aws.s3.public-block fail [half open]
aws.s3.tls-only fail [half logs open]
aws.s3.versioning fail [half open]`)
}

// users: a report without the root user, and of 2015, is not whole, and its
// rows were not seen before their users were made.
func (m *moto) users(t *testing.T, s transport.Snapshot) {
	t.Helper()
	shows(t, s, false, `
arn:aws:iam::123456789012:user/alice alice [] {"access_key_1_active":false,"access_key_2_active":false,"cert_1_active":false,"cert_2_active":false,"created_at":"NOW","mfa_active":false,"password_enabled":true,"password_last_changed_at":"NOW","root":false}
arn:aws:iam::123456789012:user/bob bob [] {"access_key_1_active":false,"access_key_2_active":false,"cert_1_active":false,"cert_2_active":false,"created_at":"NOW","mfa_active":true,"password_enabled":true,"password_last_changed_at":"NOW","root":false}
arn:aws:iam::123456789012:user/carol carol [] {"access_key_1_active":true,"access_key_1_last_rotated_at":"NOW","access_key_2_active":false,"cert_1_active":false,"cert_2_active":false,"created_at":"NOW","mfa_active":false,"password_enabled":false,"password_last_changed_at":"NOW","root":false}
123456789012 read
123456789012/report failed incomplete
123456789012/root failed incomplete`)
	for _, r := range s.Records {
		if r.Effective != nil {
			t.Errorf("%s was seen %v, before it was made", r.Name, r.Effective)
		}
	}
}

// buckets: moto says that encryption is not configured where AWS would say
// AES256. Either is what the source says. Whether a policy is public it does
// not know: it answers with the bucket's objects.
func (m *moto) buckets(t *testing.T, s transport.Snapshot) {
	t.Helper()
	const none = `{"configured":false}`
	ways := func(fourth string) string {
		return `{"block_public_acls":true,"block_public_policy":true,"configured":true,"ignore_public_acls":true,"restrict_public_buckets":` + fourth + `}`
	}
	const rest = `"object_ownership":"ObjectWriter",`
	shows(t, s, false, `
arn:aws:s3:::half half [123456789012/eu-west-1] {"access_logging":false,"account_public_access_block":`+none+`,"acl_public":false,"created_at":"NOW","encryption_configured":false,`+rest+`"public_access_block":`+ways("false")+`,"region":"eu-west-1","tls_only":false,"versioning":"Suspended"}
arn:aws:s3:::open open [123456789012/eu-west-1] {"access_logging":false,"account_public_access_block":`+none+`,"acl_public":false,"created_at":"NOW","encryption_configured":false,`+rest+`"public_access_block":`+none+`,"region":"eu-west-1","tls_only":false,"versioning":"Unversioned"}
arn:aws:s3:::logs logs [123456789012/us-east-1] {"access_logging":false,"account_public_access_block":`+none+`,"acl_public":false,"created_at":"NOW","encryption":"aws:kms","encryption_configured":true,"encryption_key_id":"`+kmsKey+`",`+rest+`"public_access_block":`+ways("true")+`,"region":"us-east-1","tls_only":false,"versioning":"Enabled"}
123456789012 read
123456789012/s3/half failed incomplete
123456789012/s3/logs failed incomplete
123456789012/s3/open failed incomplete`)
}
