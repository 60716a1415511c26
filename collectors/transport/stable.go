package transport

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// A file that is still being written looks like a complete one. What sets
// them apart is that the complete one has not changed for a while; one that ends in the
// middle of a line, as a file that was cut does, must have been left alone for
// longer. It proves nothing of a writer that pauses: only a rename does.
const (
	stableFor    = 5 * time.Second
	stableForCut = time.Minute
	// maxStableWait is how long a reading waits for a file that is written to.
	maxStableWait = 90 * time.Second
)

// waitUntilStable waits until a file has been left alone for long enough. What counts is
// the time that it has, or, as that may lie ahead of our clock, for how long we
// have seen it unchanged.
func (g *gateway) waitUntilStable(ctx context.Context, f File) error {
	var seen fs.FileInfo
	for waited, since := time.Duration(0), time.Duration(0); ; {
		fi, err := os.Stat(f.path)
		if err != nil || !fi.Mode().IsRegular() || fi.Size() > f.limit {
			return err // ReadFile says what it is
		}
		if seen == nil || !unchanged(seen, fi) {
			seen, since = fi, waited
		}
		need, err := stableTime(f.path, fi.Size())
		if err != nil {
			return err
		}
		wait := need - max(g.opt.Now().Sub(fi.ModTime()), waited-since)
		if wait <= 0 {
			return nil
		}
		if waited += wait; waited > maxStableWait {
			return errStillWritten(f.Name, need)
		}
		if err := g.opt.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// stableTime is how long a file must have been left alone.
func stableTime(path string, size int64) (time.Duration, error) {
	if size == 0 {
		return stableForCut, nil // it was truncated, and is about to be filled
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }() // it was read; nothing is lost
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, size-1); err != nil {
		return stableForCut, nil // it became shorter
	}
	if last[0] != '\n' {
		return stableForCut, nil
	}
	return stableFor, nil
}

func errStillWritten(name string, need time.Duration) error {
	if need == stableFor {
		return collectors.Incomplete("%s is being written to: write it under another name, and rename it into place", name)
	}
	return collectors.Incomplete("%s is being written to, and does not end with the end of a line: write it under another name, and rename it into place", name)
}
