package transport

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// redactions returns the union of what was removed from the exchanges.
func redactions(xs []evidence.Exchange) []string {
	var all []string
	for _, x := range xs {
		all = append(all, x.Redacted...)
	}
	return union(all, nil)
}

// endpoints returns the hosts, programs and files asked.
func endpoints(xs []evidence.Exchange) []string {
	var hosts []string
	for _, x := range xs {
		u, err := url.Parse(x.URL)
		switch {
		case err != nil:
		case u.Opaque != "" || isFileURL(x.URL):
			hosts = append(hosts, x.URL) // a program or a file
		default:
			hosts = append(hosts, u.Host)
		}
	}
	return union(hosts, nil)
}

// clockOffset returns the median of our time minus the source's, in milliseconds.
func clockOffset(xs []evidence.Exchange) *int64 {
	var offsets []int64
	for _, x := range xs {
		if date, err := http.ParseTime(x.Header["Date"]); err == nil {
			offsets = append(offsets, x.Ended.Sub(date).Milliseconds())
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	slices.Sort(offsets)
	return &offsets[len(offsets)/2]
}

// schema fingerprints the names and types of the attributes seen: the first 16
// hexadecimal digits of the SHA-256 of their sorted "path:type" lines. It is
// "" if there are none.
func schema(records []evidence.Record) string {
	seen := map[string]bool{}
	for _, r := range records {
		for k, v := range r.Attributes {
			addTypes(seen, k, v)
		}
	}
	if len(seen) == 0 {
		return ""
	}
	lines := make([]string, 0, len(seen))
	for l := range seen {
		lines = append(lines, l)
	}
	slices.Sort(lines)
	return evidence.HashOf([]byte(strings.Join(lines, "\n"))).String()[:16]
}

func addTypes(seen map[string]bool, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			addTypes(seen, path+"."+k, inner)
		}
	case []any:
		for _, inner := range v {
			addTypes(seen, path+"[]", inner)
		}
	case []string:
		seen[path+"[]:string"] = true
	case int, int64:
		seen[path+":int"] = true
	default:
		seen[fmt.Sprintf("%s:%T", path, v)] = true
	}
}
