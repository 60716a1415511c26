package serve

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of what a client may take. A command may run for as long as it needs; what
// a client is slow to send, or does not send at all, holds nothing for long.
const (
	maxConnections = 512 // of one listener at once
	headerTimeout  = 10 * time.Second
	bodyTimeout    = time.Minute // of a request but an upload
	uploadTimeout  = time.Hour
	writeTimeout   = 2 * time.Minute // of a page
)

// PublicServer returns the server of pages: whole requests in, whole answers out.
func PublicServer(h http.Handler, log *slog.Logger) *http.Server {
	s := LocalServer(h, log)
	s.ReadTimeout, s.WriteTimeout = bodyTimeout, writeTimeout
	return s
}

// LocalServer returns the server of the socket, where a bundle may take its time.
func LocalServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
}

// within bounds how long the body may take to arrive; what it returns ends that, as
// a deadline that is left would end a command that is under way.
func within(w http.ResponseWriter, d time.Duration) (arrived func()) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(d)) // a test's recorder has none
	return func() { _ = c.SetReadDeadline(time.Time{}) }
}

// limitedListener takes no connection while so many are open.
type limitedListener struct {
	net.Listener
	open chan struct{}
	done chan struct{}
	once sync.Once
}

func limited(l net.Listener) net.Listener {
	return &limitedListener{Listener: l, open: make(chan struct{}, maxConnections), done: make(chan struct{})}
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	select {
	case l.open <- struct{}{}:
	case <-l.done:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	return &limitedConn{Conn: c, closed: func() { <-l.open }}, nil
}

// Close implements net.Listener.
func (l *limitedListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// limitedConn counts once that it is closed.
type limitedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(c.closed)
	return err
}
