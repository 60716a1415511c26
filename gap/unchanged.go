package gap

import (
	"github.com/evidenced/evidenced/evidence"
)

// unchanged gives the resource of a line that says, as far as it is read, what
// it said before, and whose verdicts still hold; nil if the line must be decoded.
// Most lines of most snapshots are those of the one before.
func (st *stream) unchanged(o observation, at *int, line evidence.Line) *resource {
	if *at >= len(st.order) {
		return nil
	}
	r := st.order[*at]
	if r.gone || o.at.Unix() >= r.until || o.inPeriod && !r.counted {
		return nil
	}
	sum := line.Sum()
	if sum == 0 || (sum != r.sum || r.effective != nil) && !st.saysTheSame(r, o, line) {
		return nil
	}
	*at++
	r.sum = sum
	st.meet(r)
	for i, t := range st.tables {
		if r.rows[i] != nil {
			t.order = append(t.order, r.rows[i])
		}
	}
	return r
}

// saysTheSame compares what is read of a line with what was, and takes over the
// source's own time of it.
func (st *stream) saysTheSame(r *resource, o observation, line evidence.Line) bool {
	if r.digest == 0 || st.plan.all {
		return false
	}
	digest, effective := line.Digest(st.names)
	if digest != r.digest || (effective == nil) != (r.effective == nil) {
		return false
	}
	if (st.plan.effective || len(st.tables) > 0) && !sameTime(r.effective, effective) {
		return false
	}
	if effective != nil {
		seen := earlier(effective.UTC(), o.at)
		r.effective = &seen
	}
	return true
}
