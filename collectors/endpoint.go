package collectors

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"strings"
)

// EndpointHost returns the host pattern of an endpoint override, for Config.Hosts.
// It is "" if endpoint is no URL.
func EndpointHost(endpoint string) string {
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	return u.Host
}

// ValidEndpoint reports an endpoint override that the door would refuse. The
// empty one is fine.
func ValidEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("endpoint %q: want a URL such as https://host/path/", endpoint)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("endpoint of %s: credentials, query and fragment do not belong into it", u.Host)
	case path.Clean("/"+u.Path) != "/"+strings.Trim(u.Path, "/"):
		return fmt.Errorf("endpoint %q: the path is not a clean one", endpoint)
	}
	return CheckScheme(u)
}

// CheckScheme returns ErrForbidden for an address that is not https; plain http
// is allowed to this machine only.
func CheckScheme(u *url.URL) error {
	if u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())) {
		return fmt.Errorf("%w: %s://%s: only https leaves this machine", ErrForbidden, u.Scheme, u.Host)
	}
	return nil
}

// IsLoopback reports whether a host name or IP address is this machine.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
