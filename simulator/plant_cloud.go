package simulator

import (
	"slices"

	"github.com/evidenced/evidenced/evidence"
)

// trailStreams gives the streams in which the trail appears.
func (p *planner) trailStreams(t *trail) (out []evidence.Stream) {
	for _, a := range p.c.accounts {
		if slices.Contains(a.trails, t) {
			out = append(out, p.c.awsStream("aws.cloudtrail.trail", a))
		}
	}
	return out
}

// trail draws a trail with room for something on it.
func (p *planner) trail() (*trail, interval, bool) {
	for range 6 {
		t := pick(p.dice, pick(p.dice, p.c.old()).trails)
		if iv, ok := p.lasting(t.arn, p.trailStreams(t)...); ok {
			return t, iv, true
		}
	}
	return nil, interval{}, false
}

func (p *planner) trailStops() {
	if t, iv, ok := p.trail(); ok {
		t.logging.during(iv, no)
	}
}

func (p *planner) trailFails() {
	if t, iv, ok := p.trail(); ok {
		code := pick(p.dice, []string{"AccessDenied", "NoSuchBucket"})
		t.deliverError.during(iv, func(string) string { return code })
	}
}

func (p *planner) trailUnvalidated() {
	if t, iv, ok := p.trail(); ok {
		t.validation.during(iv, no)
	}
}

func (p *planner) trailUnencrypted() {
	if t, iv, ok := p.trail(); ok {
		t.encrypted.during(iv, no)
	}
}

// bucket draws a bucket that stays and has room for something on it.
func (p *planner) bucket(like func(*bucket) bool) (*bucket, interval, bool) {
	for range 10 {
		b := pick(p.dice, pick(p.dice, p.c.old()).buckets)
		if !b.life.to.IsZero() || !like(b) {
			continue
		}
		if iv, ok := p.lasting(b.arn(), p.c.awsStream("aws.s3.bucket", b.owner)); ok {
			return b, iv, true
		}
	}
	return nil, interval{}, false
}

// exposed reports whether only the bucket's own block protects it.
func (b *bucket) exposed() bool { return len(b.owner.block.steps) == 0 }

func (p *planner) bucketOpened() {
	b, iv, ok := p.bucket((*bucket).exposed)
	if !ok {
		return
	}
	whole := p.chance(0.5)
	b.block.during(iv, func(*accessBlock) *accessBlock {
		if whole {
			return nil
		}
		return &accessBlock{acls: true, ignore: true}
	})
}

// bucketGiven opens a bucket that is about to be deleted.
func (p *planner) bucketGiven() {
	for _, a := range p.c.old() {
		for _, b := range a.buckets {
			if b.life.to.IsZero() || !b.exposed() {
				continue
			}
			iv := interval{p.noon(b.life.to, -p.between(4, 9)), b.life.to}
			if p.reserve(b.arn(), iv, p.c.awsStream("aws.s3.bucket", a)) {
				b.block.during(interval{from: iv.from}, func(*accessBlock) *accessBlock { return nil })
				return
			}
		}
	}
}

func (p *planner) bucketUnversioned() {
	if b, iv, ok := p.bucket(func(*bucket) bool { return true }); ok {
		b.version.during(iv, func(string) string { return "Suspended" })
	}
}
