//go:build !linux

package daemon

import "time"

// elapsed counts the time since the start of the program. Where the monotonic
// clock stops while the machine sleeps, sleep looks like a clock that was set.
func elapsed() time.Duration { return sinceStart() }
