package gap

import (
	"fmt"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// custodySeverity is that of a log that went back: what its key had signed, and it
// no longer holds, nobody can judge.
const custodySeverity = "critical"

// rollbackGaps returns a gap for each time since the period began that the log
// was found to have gone back. Nothing that comes later fixes it.
func rollbackGaps(acts []evidence.Act, p result.Period, asOf time.Time) (gaps []result.Gap) {
	for _, a := range acts {
		if a.Rollback == nil || a.At.Before(p.From) {
			continue
		}
		gaps = append(gaps, RollbackGap(a.Rollback, a.At, asOf))
	}
	return gaps
}

// RollbackGap returns the gap of a log that was found to have gone back at an
// instant, as of another.
func RollbackGap(r *evidence.Rollback, at, asOf time.Time) result.Gap {
	g := result.Gap{Kind: result.Custody, Criteria: []string{}, Severity: custodySeverity, Resource: "log", Name: "the log",
		FirstSeen: at.UTC(), LastSeen: later(at, asOf).UTC(), State: result.Open, Reason: rollbackReason(r)}
	g.ID = custodyID(r)
	return g
}

// custodyID is the same whenever it is found, and once somebody has accepted it.
func custodyID(r *evidence.Rollback) string {
	return gapID(result.Gap{Kind: result.Custody, Resource: fmt.Sprintf("log of %d entries, then of %d", r.Had, r.Has)})
}

func rollbackReason(r *evidence.Rollback) string {
	text := fmt.Sprintf("the log went back: its key had signed %d entries, and it had %d", r.Had, r.Has)
	if r.Has >= r.Had {
		text = fmt.Sprintf("the log is another one: its key had signed %d entries, and of its %d the first are others", r.Had, r.Has)
	}
	if r.By == "" {
		return text + "; nobody has accepted that yet"
	}
	return text + fmt.Sprintf("; %s went on with it: %s", r.By, r.Reason)
}
