package simulator

import (
	"time"

	"github.com/evidenced/evidenced/evidence"
)

func (n *notes) estates(a *account) {
	life := a.seen()
	note := func(kind evidence.Kind, test, resource, text string, cuts []time.Time, bad func(time.Time) bool) {
		n.state(test, n.c.awsStream(kind, a), resource, text, life, cuts, bad)
	}
	for _, e := range a.estates {
		note("aws.guardduty.detector", "aws.guardduty.enabled", e.region, "GuardDuty is off", e.detects.cuts(), func(t time.Time) bool { return !e.detects.at(t) })
		note("aws.config.recorder", "aws.config.recorder", e.region, "AWS Config does not record", e.records.cuts(), func(t time.Time) bool { return !e.records.at(t) })
		note("aws.ec2.security_group", "aws.sg.no-world-admin", e.groupARN(), "port 22 is open to the world", e.openSSH.cuts(), e.openSSH.at)
		note("aws.kms.key", "aws.kms.rotation", e.keyARN(), "the key does not rotate", e.rotates.cuts(), func(t time.Time) bool { return !e.rotates.at(t) })
		if e.db != nil {
			note("aws.rds.instance", "aws.rds.not-public", e.databaseARN(), "the database has a public address", e.db.public.cuts(), e.db.public.at)
			note("aws.rds.instance", "aws.rds.backup", e.databaseARN(), "backups are kept for a day", e.db.keep.cuts(), func(t time.Time) bool { return e.db.keep.at(t) < 7 })
		}
	}
}
