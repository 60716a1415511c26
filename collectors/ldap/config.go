package ldap

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
)

// Config is the configuration of the source "ldap".
type Config struct {
	Common collectors.Base `yaml:",inline"`
	// URL is the directory: ldaps://HOST, or ldap://HOST with StartTLS.
	URL string `yaml:"url"`
	// StartTLS asks for TLS on a connection of ldap:// before anything else is said.
	StartTLS bool `yaml:"start_tls"`
	// Plain allows a connection without TLS, to this machine only.
	Plain bool `yaml:"plain"`
	// BindDN and Password are those of an account that may only read.
	BindDN   string            `yaml:"bind_dn"`
	Password collectors.Secret `yaml:"password"`
	// BaseDN is where everything lies; it is the scope.
	BaseDN string `yaml:"base_dn"`
	// CAFile holds in PEM who signed the server's certificate. Default: the system's authorities.
	CAFile string `yaml:"ca_file"`
	// Flavor is ad, openldap, 389, other or auto, the default: what the directory says it is.
	Flavor string `yaml:"flavor"`
	// UserFilter and GroupFilter say what is a user and a group. The default depends on the flavor.
	UserFilter  string `yaml:"user_filter"`
	GroupFilter string `yaml:"group_filter"`
	// PageSize is how many entries are asked for at a time, 500 by default.
	PageSize int `yaml:"page_size"`

	folder string
}

func newConfig() *Config {
	return &Config{Common: collectors.Base{Schedule: "15 6 * * *"}, Flavor: auto, PageSize: 500}
}

// Base implements collectors.Config.
func (c *Config) Base() *collectors.Base { return &c.Common }

// RelativeTo implements collectors.Placed.
func (c *Config) RelativeTo(folder string) { c.folder = folder }

// Schemes implements collectors.Connected.
func (c *Config) Schemes() []string { return []string{c.scheme()} }

func (c *Config) scheme() string {
	scheme, _, _ := strings.Cut(c.URL, "://")
	return scheme
}

// Hosts implements collectors.Config.
func (c *Config) Hosts() []string {
	if h := c.host(); h != "" {
		return []string{h}
	}
	return nil
}

// host returns host:port.
func (c *Config) host() string {
	u, err := url.Parse(c.URL)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (c *Config) hostname() string {
	name, _, _ := net.SplitHostPort(c.host())
	return name
}

// Validate implements collectors.Config.
func (c *Config) Validate() error {
	for _, check := range []func() error{c.checkAddress, c.checkTLS, c.checkNames, c.checkFilters} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkAddress() error {
	u, err := url.Parse(c.URL)
	switch {
	case c.Common.Endpoint != "":
		return errors.New("endpoint: a directory has none; its address is url")
	case c.URL == "":
		return errors.New("url is missing: the directory's address, such as ldaps://dc1.acme.example")
	case err != nil || u.Hostname() == "" || u.Scheme != "ldap" && u.Scheme != "ldaps":
		return fmt.Errorf("url %q: want ldaps://HOST or ldap://HOST", c.URL)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return fmt.Errorf("url of %s: nothing belongs behind the host; see bind_dn and base_dn", u.Hostname())
	}
	return nil
}

func (c *Config) checkTLS() error {
	switch ldaps := c.scheme() == "ldaps"; {
	case ldaps && c.StartTLS:
		return errors.New("start_tls: ldaps is TLS from the beginning")
	case ldaps && c.Plain:
		return errors.New("plain: ldaps is TLS from the beginning")
	case c.Plain && c.StartTLS:
		return errors.New("plain: it is that or start_tls")
	case c.Plain && !loopback(c.hostname()):
		return fmt.Errorf("plain: without TLS the password would be read on the way to %s; this is for this machine only", c.hostname())
	case !ldaps && !c.StartTLS && !c.Plain:
		return errors.New("start_tls: ldap:// needs it, or the password would be read on the way")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c *Config) checkNames() error {
	for key, dn := range map[string]string{"bind_dn": c.BindDN, "base_dn": c.BaseDN} {
		switch _, err := ldap.ParseDN(dn); {
		case dn == "":
			return fmt.Errorf("%s is missing: a name such as dc=acme,dc=example", key)
		case err != nil && (key == "base_dn" || !strings.ContainsAny(dn, "@\\")): // Active Directory takes other names too
			return fmt.Errorf("%s %q: want a name such as dc=acme,dc=example: %w", key, dn, err)
		}
	}
	return nil
}

func (c *Config) checkFilters() error {
	for key, f := range map[string]string{"user_filter": c.UserFilter, "group_filter": c.GroupFilter} {
		if _, err := ldap.CompileFilter(f); f != "" && err != nil {
			return fmt.Errorf("%s %q: %w", key, f, err)
		}
	}
	if !slices.Contains([]string{auto, activeDirectory, openLDAP, ds389, other}, c.Flavor) {
		return fmt.Errorf("flavor %q: want auto, ad, openldap, 389 or other", c.Flavor)
	}
	if c.PageSize < 1 || c.PageSize > 10_000 {
		return fmt.Errorf("page_size %d: want 1 to 10000", c.PageSize)
	}
	return nil
}

// Open implements collectors.Config.
func (c *Config) Open(env collectors.Env) (collectors.Collector, error) {
	col := &collector{cfg: c, env: env}
	if c.Plain || env.Offline {
		return col, nil
	}
	col.tls = &tls.Config{ServerName: c.hostname(), MinVersion: tls.VersionTLS12}
	if c.CAFile == "" {
		return col, nil
	}
	path := c.CAFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.folder, path)
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	col.tls.RootCAs = x509.NewCertPool()
	if !col.tls.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ca_file %s: there is no certificate in it", path)
	}
	return col, nil
}
