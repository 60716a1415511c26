package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/serve"
)

// server is one that listens; its server is nil where nobody is listened to.
type server struct {
	*http.Server
	at net.Listener
}

// listen takes the socket and the address.
func (d *daemon) listen(socket, address string, hosts []string) (local, public server, err error) {
	if local.at, err = serve.Listen(socket); err != nil {
		return local, public, err
	}
	local.Server = serve.LocalServer((&serve.Local{Service: d.service, Reload: d.reload, Health: d.health}).Handler(), d.Log)
	local.ConnContext = serve.WithPeer
	if address == "off" {
		return local, public, nil
	}
	if public.at, err = serve.ListenPublic(address, d.Anywhere); err != nil {
		return local, public, errors.Join(api.AsUsage(err), local.at.Close())
	}
	public.Server = serve.PublicServer((&serve.Public{Health: d.health, Status: d.status, Metrics: d.metrics.Handler(d.gauge), Hosts: hosts, Profile: d.Profile}).Handler(), d.Log)
	d.Log.Info("listening", "socket", socket, "http", public.at.Addr().String())
	return local, public, nil
}

// answer serves both; the function that it returns ends that.
func (d *daemon) answer(servers ...server) (stop func()) {
	for _, s := range servers {
		if s.Server == nil {
			continue
		}
		go func() {
			if err := s.Serve(s.at); !errors.Is(err, http.ErrServerClosed) {
				d.Log.Error("no longer listening", "address", s.at.Addr().String(), "error", err.Error())
			}
		}()
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, s := range servers {
			if s.Server != nil && s.Shutdown(ctx) != nil {
				_ = s.Server.Close() // who still asks is not answered any more
			}
		}
	}
}

// status returns the state of the period, for anybody.
func (d *daemon) status(ctx context.Context) (*api.Status, error) {
	s, err := d.service(ctx, "")
	if err != nil {
		return nil, err
	}
	st, err := s.Status(ctx, api.StatusRequest{})
	if err != nil {
		d.Log.Warn("status", "error", err.Error())
	}
	return st, err
}
