package gap

import (
	"github.com/evidenced/evidenced/evidence"
)

// unchanged returns the resource of a line in which nothing that is read differs
// from the last snapshot, and whose answers still hold; nil if the line must be
// decoded. Most lines of most snapshots are those of the one before.
func (st *stream) unchanged(o observation, at *int, line evidence.Line) *resource {
	if *at >= len(st.order) {
		return nil
	}
	r := st.order[*at]
	if r.gone || o.at.Unix() >= r.validUntil || o.inPeriod && !r.counted {
		return nil
	}
	sum := line.Sum()
	if sum == 0 || (sum != r.lineSum || r.effective != nil) && !st.sameDigest(r, o, line) {
		return nil
	}
	*at++
	r.lineSum = sum
	st.markSeen(r)
	for i, t := range st.tables {
		if r.rows[i] != nil {
			t.order = append(t.order, r.rows[i])
		}
	}
	return r
}

// sameDigest reports whether what is read of a line is what was read of it last,
// and if so updates the source's own time of the resource.
func (st *stream) sameDigest(r *resource, o observation, line evidence.Line) bool {
	if r.digest == 0 || st.kind.all {
		return false
	}
	digest, effective := line.Digest(st.sortedKeys)
	if digest != r.digest || (effective == nil) != (r.effective == nil) {
		return false
	}
	if (st.kind.effective || len(st.tables) > 0) && !equalTime(r.effective, effective) {
		return false
	}
	if effective != nil {
		seen := earlier(effective.UTC(), o.at)
		r.effective = &seen
	}
	return true
}
