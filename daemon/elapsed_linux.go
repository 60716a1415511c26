package daemon

import (
	"time"

	"golang.org/x/sys/unix"
)

// elapsed counts the time since the machine was started, while it sleeps, too.
// Nobody can set that clock.
func elapsed() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil { // Linux before 2.6.39
		return sinceStart()
	}
	return time.Duration(t.Nano())
}
