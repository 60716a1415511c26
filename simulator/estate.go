package simulator

import (
	"fmt"
	"hash/fnv"
	"time"
)

// estate is what an account holds in one region, besides its buckets and trails.
type estate struct {
	owner  *account
	region string
	// detects is GuardDuty, records AWS Config; each is on or off.
	detects, records timeline[bool]
	// openSSH: a rule of the security group lets in the world to port 22.
	openSSH timeline[bool]
	rotates timeline[bool] // the key
	// db is nil in most regions.
	db *database
}

// database is one instance of RDS.
type database struct {
	public timeline[bool]
	keep   timeline[int] // days that backups are kept
}

// settle gives the account an estate in every region; databases are where the home is.
func (a *account) settle() {
	for i, r := range regions {
		e := &estate{owner: a, region: r, detects: constant(true), records: constant(true), openSSH: constant(false), rotates: constant(true)}
		if i == 0 {
			e.db = &database{public: constant(false), keep: constant(14)}
		}
		a.estates = append(a.estates, e)
	}
}

// estate gives what the account of the request holds in its region.
func (q *awsRequest) estate() *estate {
	for _, e := range q.account.estates {
		if e.region == q.region {
			return e
		}
	}
	return nil
}

// id makes the id of a resource, as AWS does: a prefix and seventeen hex digits.
func (e *estate) id(prefix string) string {
	h := fnv.New64a()
	fmt.Fprint(h, e.owner.id, e.region, prefix)
	return fmt.Sprintf("%s0%016x", prefix, h.Sum64())
}

func (e *estate) arn(service, resource string) string {
	return fmt.Sprintf("arn:aws:%s:%s:%s:%s", service, e.region, e.owner.id, resource)
}

func (e *estate) groupARN() string    { return e.arn("ec2", "security-group/"+e.id("sg-")) }
func (e *estate) databaseARN() string { return e.arn("rds", "db:orders") }
func (e *estate) keyARN() string      { return e.arn("kms", "key/"+e.keyID()) }
func (e *estate) keyID() string       { return "3f2a9c10-0000-4000-8000-" + e.owner.id }

// made is when the resources of the estate were made.
func (e *estate) made() time.Time { return e.owner.created.Add(2 * day) }
