package collectors

import "strings"

// NextLink returns the target of rel=next in one Link header (RFC 8288).
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

// unquoted returns the place of the first sep outside of quotes, or the length.
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
