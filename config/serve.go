package config

import (
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// Serve says how the daemon is reached.
type Serve struct {
	// Socket is the path of the unix socket, beside the store unless configured.
	Socket string
	// Listen is the address of the HTTP pages, "off" for none.
	Listen string
	// Hosts are the names by which those may be asked, beside localhost and addresses.
	Hosts []string
	// Jitter is the longest time by which a source begins after its slots are due.
	Jitter time.Duration
}

type fileServe struct {
	Socket string   `yaml:"socket"`
	Listen string   `yaml:"listen"`
	Hosts  []string `yaml:"hosts"`
	Jitter string   `yaml:"jitter"`
}

const (
	defaultListen = "127.0.0.1:8470"
	defaultJitter = 2 * time.Minute
	// maxJitter keeps a slot that begins late from ending late.
	maxJitter = 30 * time.Minute
)

var hostName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`) })

func (p *parse) serve(f fileServe, s Store) Serve {
	out := Serve{Socket: strings.TrimSuffix(s.Path, filepath.Ext(s.Path)) + ".sock", Listen: defaultListen, Hosts: f.Hosts, Jitter: defaultJitter}
	if f.Socket != "" {
		out.Socket = p.beside(f.Socket)
	}
	if f.Listen != "" {
		out.Listen = f.Listen
	}
	for _, h := range f.Hosts {
		if !hostName().MatchString(h) {
			p.fail(p.line("serve", "hosts"), "serve.hosts holds %q: want names of this host, in lower case and without a port", h)
		}
	}
	if f.Jitter != "" {
		d, err := time.ParseDuration(f.Jitter)
		if err != nil || d < 0 || d > maxJitter {
			p.fail(p.line("serve", "jitter"), "serve.jitter is %q: want a duration such as 2m, up to %s", f.Jitter, maxJitter)
		}
		out.Jitter = d
	}
	return out
}
