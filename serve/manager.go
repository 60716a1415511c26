package serve

import (
	"net"
	"os"
	"strconv"
	"time"
)

// Manager is the service manager that started the process, if one did that
// speaks sd_notify(3), as systemd does. The zero value is none.
type Manager struct {
	socket string
	every  time.Duration
	last   time.Time
}

// Notified finds the service manager in the environment.
func Notified(getenv func(string) string) *Manager {
	m := &Manager{socket: getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.every = time.Duration(usec) * time.Microsecond / 2
	}
	return m
}

// State sends a state, such as "READY=1". That nobody listens is no error of ours.
func (m *Manager) State(state string) {
	if m.socket == "" {
		return
	}
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = c.Write([]byte(state))
}

// Every is how often Watchdog must be called, 0 if nobody waits for it.
func (m *Manager) Every() time.Duration { return m.every }

// Watchdog tells the watchdog that the process is alive.
func (m *Manager) Watchdog() {
	if m.every > 0 && time.Since(m.last) >= m.every/2 {
		m.last = time.Now()
		m.State("WATCHDOG=1")
	}
}
