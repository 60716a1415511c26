package collectors

import (
	"net/http"
	"net/url"
	"strings"
)

// nextStays reports a Link header whose next page lies on another host: to
// follow it would carry the credential there, not to follow it would cut the listing.
func nextStays(asked *url.URL, h http.Header) error {
	for _, v := range h.Values("Link") {
		next, ok := NextLink(v)
		if !ok {
			continue
		}
		u, err := asked.Parse(next)
		if err != nil {
			return Incomplete("the next link of %s is not a URL", asked.Host)
		}
		if u.Scheme != asked.Scheme || u.Host != asked.Host {
			return Incomplete("next link leaves the host: from %s to %s", asked.Host, u.Host)
		}
	}
	return nil
}

// NextLink gives the target of rel=next in one Link header (RFC 8288).
func NextLink(v string) (string, bool) {
	for v != "" {
		open := strings.IndexByte(v, '<')
		if open < 0 {
			return "", false
		}
		end := strings.IndexByte(v[open:], '>')
		if end < 0 {
			return "", false
		}
		target := v[open+1 : open+end]
		params := v[open+end+1:]
		stop := unquoted(params, ',')
		if isNext(params[:stop]) {
			return target, true
		}
		v = params[min(stop+1, len(params)):]
	}
	return "", false
}

// isNext reads the parameters of one link: ;rel="next prefetch";title="x". A
// server may name a next page and say that there is nothing on it: results="false".
func isNext(params string) bool {
	if strings.Contains(params, `results="false"`) {
		return false
	}
	for params != "" {
		stop := unquoted(params, ';')
		name, value, _ := strings.Cut(params[:stop], "=")
		if strings.EqualFold(strings.TrimSpace(name), "rel") {
			for _, rel := range strings.Fields(strings.Trim(strings.TrimSpace(value), `"`)) {
				if strings.EqualFold(rel, "next") {
					return true
				}
			}
		}
		params = params[min(stop+1, len(params)):]
	}
	return false
}

// unquoted gives the place of the first sep outside of quotes, or the length.
func unquoted(s string, sep byte) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return i
		}
	}
	return len(s)
}
