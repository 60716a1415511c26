package transport

import (
	"net/http"
	"net/url"

	"github.com/evidenced/evidenced/collectors"
)

// checkNextLink reports a Link header whose next page lies on another host: to
// follow it would carry the credential there, not to follow it would cut the listing.
func checkNextLink(asked *url.URL, h http.Header) error {
	for _, v := range h.Values("Link") {
		next, ok := collectors.NextLink(v)
		if !ok {
			continue
		}
		u, err := asked.Parse(next)
		if err != nil {
			return collectors.Incomplete("the next link of %s is not a URL", asked.Host)
		}
		if u.Scheme != asked.Scheme || u.Host != asked.Host {
			return collectors.Incomplete("next link leaves the host: from %s to %s", asked.Host, u.Host)
		}
	}
	return nil
}
