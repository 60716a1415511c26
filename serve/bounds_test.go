package serve

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestSlowClients: hundreds that begin a request and do not end it keep nobody else waiting.
func TestSlowClients(t *testing.T) {
	l, err := ListenPublic("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	p := &Public{Health: func() Health { return Health{Live: true, Ready: true} }, Metrics: http.NotFoundHandler()}
	server := PublicServer(p.Handler(), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	for range 300 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: local"); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		r, err := http.Get("http://" + l.Addr().String() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Fatal(r.Status)
		}
	}
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.WriteTimeout <= 0 || server.IdleTimeout <= 0 {
		t.Error("a slow client is waited for without an end")
	}
}

// TestLimitedListener: no more connections than are allowed are open at once, and the next
// one comes in when one of them ends.
func TestLimitedListener(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limited(inner).(*limitedListener)
	l.open = make(chan struct{}, 2)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	for range 3 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	<-accepted
	if len(l.open) != 2 {
		t.Fatalf("%d are open", len(l.open))
	}
	_ = first.Close()
	_ = first.Close() // counts once
	<-accepted
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, open := <-accepted; open {
		t.Error("one more was accepted")
	}
}

// TestSlowBody: a body that does not arrive ends the request, and the deadline for it
// does not end what comes after.
func TestSlowBody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 3)
	server := LocalServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived := within(w, 50*time.Millisecond)
		_, err := io.ReadAll(r.Body)
		arrived()
		read <- err
		if err == nil {
			ctx, cancel := context.WithTimeout(r.Context(), 200*time.Millisecond)
			defer cancel()
			<-ctx.Done()
			read <- r.Context().Err()
		}
	}), slog.New(slog.DiscardHandler))
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"); err != nil {
		t.Fatal(err)
	}
	if err := <-read; err == nil {
		t.Error("half a body was taken for a whole one")
	}
	r, err := http.Post("http://"+l.Addr().String(), "text/plain", strings.NewReader("whole"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if err := <-read; err != nil {
		t.Error(err)
	}
	if err := <-read; err != nil {
		t.Errorf("what runs on after its request was read was ended: %v", err)
	}
}
