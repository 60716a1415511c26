package simulator

import "github.com/evidenced/evidenced/evidence"

// onEstate draws a region of an account with room for something on one of its resources.
func (p *planner) onEstate(kind evidence.Kind, resource func(*estate) string, change func(*estate, interval)) {
	for range 6 {
		a := pick(p.dice, p.c.old())
		e := pick(p.dice, a.estates)
		id := resource(e)
		if id == "" {
			continue
		}
		if iv, ok := p.lasting(string(kind)+" "+a.id+" "+id, p.c.awsStream(kind, a)); ok {
			change(e, iv)
			return
		}
	}
}

func inRegion(e *estate) string { return e.region }

func onDatabase(e *estate) string {
	if e.db == nil {
		return ""
	}
	return e.databaseARN()
}

func (p *planner) detectorOff() {
	p.onEstate("aws.guardduty.detector", inRegion, func(e *estate, iv interval) { e.detects.during(iv, no) })
}

func (p *planner) recorderStops() {
	p.onEstate("aws.config.recorder", inRegion, func(e *estate, iv interval) { e.records.during(iv, no) })
}

func (p *planner) sshOpened() {
	p.onEstate("aws.ec2.security_group", (*estate).groupARN, func(e *estate, iv interval) { e.openSSH.during(iv, yes) })
}

func (p *planner) keyUnrotated() {
	p.onEstate("aws.kms.key", (*estate).keyARN, func(e *estate, iv interval) { e.rotates.during(iv, no) })
}

func (p *planner) databaseOpened() {
	p.onEstate("aws.rds.instance", onDatabase, func(e *estate, iv interval) { e.db.public.during(iv, yes) })
}

func (p *planner) backupsCut() {
	p.onEstate("aws.rds.instance", func(e *estate) string { // on a lane of its own: both may happen at once
		if e.db == nil {
			return ""
		}
		return "backups of " + e.databaseARN()
	}, func(e *estate, iv interval) { e.db.keep.during(iv, func(int) int { return 1 }) })
}

func (p *planner) bucketPlain() {
	if b, iv, ok := p.bucket(func(*bucket) bool { return true }); ok {
		b.tlsOnly.during(iv, no)
	}
}
