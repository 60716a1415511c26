package simulator

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// cloud is the real SDK pointed at a company.
type cloud struct {
	t   *testing.T
	c   *Company
	cfg aws.Config
}

func visit(t *testing.T, c *Company) cloud {
	t.Helper()
	srv := httptest.NewServer(c.Handler())
	t.Cleanup(srv.Close)
	return cloud{t, c, aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIABASE", "s", ""),
		Retryer: func() aws.Retryer { return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = 1 }) },
	}}
}

func (v cloud) in(region string) aws.Config {
	cfg := v.cfg.Copy()
	cfg.Region = region
	return cfg
}

// as assumes the role in an account.
func (v cloud) as(id string) (cloud, error) {
	out, err := sts.NewFromConfig(v.cfg).AssumeRole(v.t.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String("arn:aws:iam::" + id + ":role/EvidencedReadOnly"), RoleSessionName: aws.String("run-1"),
	})
	if err != nil {
		return v, err
	}
	k := out.Credentials
	if !k.Expiration.After(time.Now().Add(24 * 365 * time.Hour)) {
		v.t.Errorf("the credential expires at %v", k.Expiration)
	}
	v.cfg.Credentials = credentials.NewStaticCredentialsProvider(*k.AccessKeyId, *k.SecretAccessKey, *k.SessionToken)
	return v, nil
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got error %v, want %s", err, code)
	}
}

func TestSessions(t *testing.T) {
	c := grow(4, 180)
	v := visit(t, c)
	for _, id := range c.Accounts()[1:3] {
		got, err := v.as(id)
		if err != nil {
			t.Fatal(err)
		}
		who := must[*sts.GetCallerIdentityOutput](t)(sts.NewFromConfig(got.cfg).GetCallerIdentity(t.Context(), nil))
		if *who.Account != id || *who.Arn != "arn:aws:sts::"+id+":assumed-role/EvidencedReadOnly/run-1" {
			t.Errorf("in %s the caller is %s", id, *who.Arn)
		}
	}
	_, err := v.as("999999999999")
	wantCode(t, err, "AccessDenied")
	regions := must[*ec2.DescribeRegionsOutput](t)(ec2.NewFromConfig(v.cfg).DescribeRegions(t.Context(), &ec2.DescribeRegionsInput{}))
	if len(regions.Regions) != 3 || *regions.Regions[0].OptInStatus == "" {
		t.Errorf("enabled regions: %+v", regions.Regions)
	}
	all := must[*ec2.DescribeRegionsOutput](t)(ec2.NewFromConfig(v.cfg).DescribeRegions(t.Context(), &ec2.DescribeRegionsInput{AllRegions: aws.Bool(true)}))
	if len(all.Regions) != 5 {
		t.Errorf("all regions: %d", len(all.Regions))
	}
}

func listAccounts(ctx context.Context, v cloud) (ids []string, pages int, err error) {
	p := organizations.NewListAccountsPaginator(organizations.NewFromConfig(v.cfg), &organizations.ListAccountsInput{})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, pages, err
		}
		pages++
		for _, a := range out.Accounts {
			ids = append(ids, *a.Id)
			if a.State != "ACTIVE" || a.JoinedTimestamp.Year() < 2020 {
				return nil, pages, errors.New("an account without state or date: " + *a.Id)
			}
		}
	}
	return ids, pages, nil
}

// TestAccountArrives checks the whole way of the account that joins: unknown,
// listed but closed, open.
func TestAccountArrives(t *testing.T) {
	c := grow(4, 180)
	v := visit(t, c)
	if len(c.accounts) != 4 {
		t.Fatalf("seed 4 has %d accounts; choose another seed", len(c.accounts))
	}
	late := c.accounts[3]
	for _, step := range []struct {
		at     time.Time
		listed int
		open   bool
	}{
		{late.appeared.Add(-time.Second), 3, false}, {late.appeared, 4, false},
		{late.deployed.Add(-time.Second), 4, false}, {late.deployed, 4, true},
	} {
		c.SetNow(step.at)
		ids, pages, err := listAccounts(t.Context(), v)
		if err != nil || len(ids) != step.listed || pages != 3 {
			t.Errorf("at %v: %v in %d pages, %v", step.at, ids, pages, err)
		}
		_, err = v.as(late.id)
		if step.open != (err == nil) {
			t.Errorf("at %v the role answers %v", step.at, err)
		}
		if err != nil {
			wantCode(t, err, "AccessDenied")
		}
	}
}

func TestIAM(t *testing.T) {
	c := grow(4, 180)
	c.SetNow(c.start.Add(30*day + 6*time.Hour))
	v := must[cloud](t)(visit(t, c).as(c.Accounts()[1]))
	api := iam.NewFromConfig(v.cfg)
	sum := must[*iam.GetAccountSummaryOutput](t)(api.GetAccountSummary(t.Context(), nil))
	if sum.SummaryMap["Users"] < 5 || sum.SummaryMap["AccountMFAEnabled"] > 1 {
		t.Errorf("summary: %v", sum.SummaryMap)
	}
	policy := must[*iam.GetAccountPasswordPolicyOutput](t)(api.GetAccountPasswordPolicy(t.Context(), nil))
	if p := policy.PasswordPolicy; *p.MinimumPasswordLength < 14 || !p.RequireSymbols || *p.PasswordReusePrevention != 24 {
		t.Errorf("policy: %+v", p)
	}
	_, err := api.GetCredentialReport(t.Context(), nil)
	wantCode(t, err, "ReportNotPresent")
	if got := must[*iam.GenerateCredentialReportOutput](t)(api.GenerateCredentialReport(t.Context(), nil)); got.State != "COMPLETE" {
		t.Errorf("report is %s", got.State)
	}
	rep := must[*iam.GetCredentialReportOutput](t)(api.GetCredentialReport(t.Context(), nil))
	rows := must[[][]string](t)(csv.NewReader(bytes.NewReader(rep.Content)).ReadAll())
	if !rep.GeneratedTime.Equal(c.Now()) || len(rows) != int(sum.SummaryMap["Users"])+2 || rows[1][0] != "<root_account>" || rows[1][3] != "not_supported" {
		t.Errorf("report of %v: %d rows, the second %v", rep.GeneratedTime, len(rows), rows[1])
	}
	_, err = api.ListUsers(t.Context(), nil)
	wantCode(t, err, "InvalidAction")
}

// TestReportAges checks that a report is handed out for four hours, and that
// the management account's first one takes two requests.
func TestReportAges(t *testing.T) {
	c := grow(4, 180)
	api := iam.NewFromConfig(visit(t, c).cfg)
	first := c.Now()
	for _, want := range []string{"STARTED", "COMPLETE"} {
		if got := must[*iam.GenerateCredentialReportOutput](t)(api.GenerateCredentialReport(t.Context(), nil)); string(got.State) != want {
			t.Errorf("state is %s, want %s", got.State, want)
		}
	}
	for _, step := range []struct{ age, generated time.Duration }{{time.Hour, 0}, {4*time.Hour - time.Second, 0}, {4 * time.Hour, 4 * time.Hour}} {
		c.SetNow(first.Add(step.age))
		must[*iam.GenerateCredentialReportOutput](t)(api.GenerateCredentialReport(t.Context(), nil))
		if got := must[*iam.GetCredentialReportOutput](t)(api.GetCredentialReport(t.Context(), nil)); !got.GeneratedTime.Equal(first.Add(step.generated)) {
			t.Errorf("after %v the report is of %v", step.age, got.GeneratedTime)
		}
	}
	c.SetNow(first.Add(9 * time.Hour))
	_, err := api.GetCredentialReport(t.Context(), nil)
	wantCode(t, err, "ReportExpired")
}

func TestPolicyDeleted(t *testing.T) {
	c := grow(4, 180)
	c.management().policy.set(c.start.Add(day), nil)
	api := iam.NewFromConfig(visit(t, c).cfg)
	c.SetNow(c.start.Add(2 * day))
	_, err := api.GetAccountPasswordPolicy(t.Context(), nil)
	wantCode(t, err, "NoSuchEntity")
}

// trails gives the distinct trails that an account sees, with and without shadows.
func (v cloud) trails(region string, shadows bool) []string {
	out := must[*cloudtrail.DescribeTrailsOutput](v.t)(cloudtrail.NewFromConfig(v.in(region)).DescribeTrails(v.t.Context(),
		&cloudtrail.DescribeTrailsInput{IncludeShadowTrails: aws.Bool(shadows)}))
	var arns []string
	for _, t := range out.TrailList {
		arns = append(arns, *t.TrailARN)
	}
	return arns
}

func TestTrails(t *testing.T) {
	for seed := range int64(6) {
		c := New(Options{Seed: seed, Start: start, Days: 60})
		v := must[cloud](t)(visit(t, c).as(c.Accounts()[1]))
		main, regional := c.accounts[1].trails[0], c.accounts[1].trails[1]
		for _, r := range regions {
			if got := v.trails(r, true); !slices.Contains(got, main.arn) || slices.Contains(got, regional.arn) != (r == regional.home) {
				t.Errorf("in %s: %v", r, got)
			}
			if got := v.trails(r, false); slices.Contains(got, main.arn) != (r == main.home && !main.org) {
				t.Errorf("in %s without shadows: %v", r, got)
			}
		}
		api := cloudtrail.NewFromConfig(v.in(main.home))
		got := must[*cloudtrail.GetTrailStatusOutput](t)(api.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: &main.arn}))
		if !*got.IsLogging || got.LatestDeliveryError != nil || c.Now().Sub(*got.LatestDeliveryTime) > time.Hour {
			t.Errorf("status: %+v", got)
		}
		_, err := api.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: aws.String("nobody")})
		wantCode(t, err, "TrailNotFoundException")
	}
}

func TestTrailStops(t *testing.T) {
	c := New(Options{Seed: 1, Start: start, Days: 60})
	tr := c.management().trails[0]
	tr.logging.during(interval{c.start.Add(2 * day), c.start.Add(5 * day)}, no)
	tr.deliverError.during(interval{from: c.start.Add(9 * day)}, func(string) string { return "NoSuchBucket" })
	api := cloudtrail.NewFromConfig(visit(t, c).in(tr.home))
	for _, step := range []struct {
		days      int
		logging   bool
		delivered int
		trouble   string
	}{{1, true, 1, ""}, {2, false, 2, ""}, {4, false, 2, ""}, {5, true, 5, ""}, {12, true, 9, "NoSuchBucket"}} {
		c.SetNow(c.start.Add(time.Duration(step.days) * day))
		got := must[*cloudtrail.GetTrailStatusOutput](t)(api.GetTrailStatus(t.Context(), &cloudtrail.GetTrailStatusInput{Name: &tr.arn}))
		if *got.IsLogging != step.logging || aws.ToString(got.LatestDeliveryError) != step.trouble ||
			!got.LatestDeliveryTime.Equal(c.start.Add(time.Duration(step.delivered)*day)) {
			t.Errorf("on day %d: logging %t, delivered %v, %s", step.days, *got.IsLogging, got.LatestDeliveryTime, aws.ToString(got.LatestDeliveryError))
		}
	}
}

func (v cloud) buckets() (names []string, pages int) {
	api := s3.NewFromConfig(v.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	p := s3.NewListBucketsPaginator(api, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1000)})
	for p.HasMorePages() {
		out := must[*s3.ListBucketsOutput](v.t)(p.NextPage(v.t.Context()))
		pages++
		for _, b := range out.Buckets {
			names = append(names, *b.BucketRegion+" "+*b.Name)
		}
	}
	return names, pages
}

func TestBuckets(t *testing.T) {
	c := New(Options{Seed: 5, Start: start, Days: 60})
	v := must[cloud](t)(visit(t, c).as(c.Accounts()[2]))
	names, pages := v.buckets()
	if len(names) != 5 || pages != 2 {
		t.Fatalf("%d buckets in %d pages", len(names), pages)
	}
	for _, n := range names {
		region, name, _ := strings.Cut(n, " ")
		api := s3.NewFromConfig(v.in(region), func(o *s3.Options) { o.UsePathStyle = true })
		enc := must[*s3.GetBucketEncryptionOutput](t)(api.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &name}))
		if got := enc.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault; got.SSEAlgorithm != "aws:kms" || *got.KMSMasterKeyID == "" {
			t.Errorf("encryption: %+v", got)
		}
		ver := must[*s3.GetBucketVersioningOutput](t)(api.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &name}))
		if ver.Status != "Enabled" {
			t.Errorf("versioning: %s", ver.Status)
		}
		pab := must[*s3.GetPublicAccessBlockOutput](t)(api.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: &name}))
		if p := pab.PublicAccessBlockConfiguration; !*p.BlockPublicAcls || !*p.RestrictPublicBuckets || !*p.BlockPublicPolicy || !*p.IgnorePublicAcls {
			t.Errorf("block: %+v", p)
		}
	}
	c.accounts[2].buckets[0].block.set(c.start.Add(-day), nil)
	b := c.accounts[2].buckets[0]
	api := s3.NewFromConfig(v.in(b.region), func(o *s3.Options) { o.UsePathStyle = true })
	_, err := api.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: &b.name})
	wantCode(t, err, "NoSuchPublicAccessBlockConfiguration")
	api = s3.NewFromConfig(v.in("eu-west-1"), func(o *s3.Options) { o.UsePathStyle = true })
	_, err = api.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &b.name})
	wantCode(t, err, "PermanentRedirect")
	_, err = api.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: aws.String("nobody")})
	wantCode(t, err, "NoSuchBucket")
}

// TestAccountBlock asks by a host name that the server does not resolve: the
// SDK puts the account before the host.
func TestAccountBlock(t *testing.T) {
	c := New(Options{Seed: 5, Start: start, Days: 60})
	v := visit(t, c)
	v.cfg.HTTPClient = &http.Client{Transport: stripHost{}}
	id := c.Accounts()[0]
	ask := func() (*s3control.GetPublicAccessBlockOutput, error) {
		return s3control.NewFromConfig(v.cfg).GetPublicAccessBlock(t.Context(), &s3control.GetPublicAccessBlockInput{AccountId: &id})
	}
	_, err := ask()
	wantCode(t, err, "NoSuchPublicAccessBlockConfiguration")
	c.management().block.set(c.start.Add(-day), blockAll())
	if out := must[*s3control.GetPublicAccessBlockOutput](t)(ask()); !*out.PublicAccessBlockConfiguration.BlockPublicPolicy {
		t.Errorf("block: %+v", out.PublicAccessBlockConfiguration)
	}
}

// stripHost takes the account off the host name.
type stripHost struct{}

func (stripHost) RoundTrip(r *http.Request) (*http.Response, error) {
	_, r.URL.Host, _ = strings.Cut(r.URL.Host, ".")
	return http.DefaultTransport.RoundTrip(r)
}

func TestUnsigned(t *testing.T) {
	rec := httptest.NewRecorder()
	grow(1, 30).Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("Action=GetCallerIdentity")))
	if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "MissingAuthenticationToken") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// ask makes one call of the operation.
func (v cloud) ask(op string) (err error) {
	ctx := v.t.Context()
	switch op {
	case "organizations:ListAccounts":
		_, err = organizations.NewFromConfig(v.cfg).ListAccounts(ctx, nil)
	case "sts:GetCallerIdentity":
		_, err = sts.NewFromConfig(v.cfg).GetCallerIdentity(ctx, nil)
	case "ec2:DescribeRegions":
		_, err = ec2.NewFromConfig(v.cfg).DescribeRegions(ctx, nil)
	case "s3:ListBuckets":
		_, err = s3.NewFromConfig(v.cfg, func(o *s3.Options) { o.UsePathStyle = true }).ListBuckets(ctx, nil)
	case "cloudtrail:DescribeTrails":
		_, err = cloudtrail.NewFromConfig(v.cfg).DescribeTrails(ctx, nil)
	}
	return err
}
