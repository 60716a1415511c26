package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// regions are the enabled ones; the first is the home of global services.
var regions = []string{"us-east-1", "eu-central-1", "eu-west-1"}

// disabledRegions are known to EC2, but not opted in.
var disabledRegions = []string{"af-south-1", "ap-east-1"}

// account is one AWS account of the organisation.
type account struct {
	id, name string
	// created is long before the period, appeared when it joined the
	// organisation, deployed when the agent's role was put into it.
	created, appeared, deployed time.Time

	users     []*iamUser
	rootMFA   timeline[bool]
	rootKey   key
	rootLogin instants
	policy    timeline[*passwordPolicy]
	// block is the account's own public access block, nil where none is set.
	block   timeline[*accessBlock]
	buckets []*bucket
	trails  []*trail // its own, and the organisation's
	estates []*estate
}

// rootARN names the root user.
func (a *account) rootARN() string { return "arn:aws:iam::" + a.id + ":root" }

// late reports whether the account joins in the course of the period.
func (a *account) late() bool { return a.appeared.After(a.created) }

// trail is one CloudTrail trail.
type trail struct {
	owner        *account
	name, arn    string
	home         string
	multi, org   bool
	created      time.Time
	bucket, kms  string
	logging      timeline[bool]
	validation   timeline[bool]
	encrypted    timeline[bool]
	deliverError timeline[string]
}

// accessBlock is S3's public access block.
type accessBlock struct{ acls, ignore, policy, restrict bool }

func blockAll() *accessBlock { return &accessBlock{true, true, true, true} }

func (b *accessBlock) all() bool { return b != nil && b.acls && b.ignore && b.policy && b.restrict }

// bucket is one S3 bucket.
type bucket struct {
	owner   *account
	name    string
	region  string
	life    interval
	kms     string
	block   timeline[*accessBlock]
	version timeline[string]
	// tlsOnly: the policy refuses what is asked without TLS.
	tlsOnly timeline[bool]
}

// sortedBuckets gives the buckets in the order in which S3 lists them.
func (a *account) sortedBuckets() []*bucket {
	return slices.SortedFunc(slices.Values(a.buckets), func(x, y *bucket) int { return strings.Compare(x.name, y.name) })
}

func (b *bucket) arn() string { return "arn:aws:s3:::" + b.name }

// openAccounts builds the organisation: management, production, staging.
func (c *Company) openAccounts(d dice) {
	base := 100_000_000_000 + d.Int64N(800_000_000_000)
	for i, name := range []string{"management", "production", "staging"} {
		c.accounts = append(c.accounts, c.newAccount(d, fmt.Sprint(base+int64(i)*37_411_213), name))
	}
	c.staff(d)
	c.laySurveillance(d)
	for i, a := range c.accounts {
		c.fillBuckets(d, a, 3+i)
	}
	if d.chance(0.5) {
		c.accounts[2].block = constant(blockAll())
	}
}

func (c *Company) newAccount(d dice, id, name string) *account {
	a := &account{
		id: id, name: name, created: d.workday(c.start.Add(-time.Duration(d.between(1000, 1400)) * day)),
		rootMFA: constant(true), policy: constant(goodPolicy(d)),
	}
	a.appeared, a.deployed = a.created, a.created
	a.settle()
	if d.chance(0.7) {
		a.rootLogin = instants{a.created.Add(time.Hour)}
	}
	return a
}

// laySurveillance gives the company either one trail for the whole
// organisation, or one for each account and a regional one in production.
func (c *Company) laySurveillance(d dice) {
	if d.chance(0.5) {
		t := c.newTrail(c.management(), "organization-trail", regions[0], true)
		t.org = true
		for _, a := range c.accounts {
			a.trails = append(a.trails, t)
		}
	} else {
		for _, a := range c.accounts {
			a.trails = append(a.trails, c.newTrail(a, "audit", pick(d, regions[:2]), true))
		}
	}
	prod := c.accounts[1]
	prod.trails = append(prod.trails, c.newTrail(prod, "payments", regions[2], false))
}

func (c *Company) newTrail(a *account, name, home string, multi bool) *trail {
	return &trail{
		owner: a, name: name, home: home, multi: multi, created: a.created.Add(day),
		arn:     fmt.Sprintf("arn:aws:cloudtrail:%s:%s:trail/%s", home, a.id, name),
		bucket:  "logs-" + a.id,
		kms:     fmt.Sprintf("arn:aws:kms:%s:%s:key/6c1e4f0a-0000-4000-8000-%s", home, a.id, a.id),
		logging: constant(true), validation: constant(true), encrypted: constant(true), deliverError: constant(""),
	}
}

func (c *Company) fillBuckets(d dice, a *account, n int) {
	for i := range n {
		b := &bucket{
			owner: a, name: fmt.Sprintf("%s-%s-%s", c.org.login, a.name, []string{"logs", "assets", "exports", "backups", "models"}[i%5]),
			region: regions[i%len(regions)], life: interval{from: a.created.Add(time.Duration(20+i) * day)},
			block: constant(blockAll()), version: constant("Enabled"), tlsOnly: constant(true),
		}
		b.kms = fmt.Sprintf("arn:aws:kms:%s:%s:key/0b8d2c7e-0000-4000-8000-%s", b.region, a.id, a.id)
		if i >= 2 && i == n-1 { // the last one is given up in the course of the period
			b.life.to = d.workday(c.start.Add(time.Duration(max(c.opts.Days*2/3+d.between(-4, 4), 2)) * day))
		}
		a.buckets = append(a.buckets, b)
	}
}

// accountKinds are the kinds that are read of every account.
func accountKinds() []string {
	return []string{"aws.region", "aws.iam.account", "aws.iam.password_policy", "aws.iam.user", "aws.cloudtrail.trail", "aws.s3.bucket",
		"aws.guardduty.detector", "aws.config.recorder", "aws.ec2.security_group", "aws.kms.key", "aws.rds.instance"}
}
