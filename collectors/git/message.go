package git

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// subject is the first line of the message.
func (o object) subject() string {
	s, _, _ := strings.Cut(o.message, "\n")
	return s
}

var (
	trailer = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?im)^co-authored-by:[ \t]*([^<\n]*)<([^>\n]*)>`) })
	reverts = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\bthis reverts commit ([0-9a-f]{40}|[0-9a-f]{64})\b`)
	})
	// The forms in which hosts name the pull or merge request in what they merge.
	merged   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^Merge (?:pull request|PR) #([0-9]{1,9})\b`) })
	squashed = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\(#([0-9]{1,9})\)$`) })
	lab      = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?m)^See merge request \S*!([0-9]{1,9})$`) })
)

// coAuthors are those that trailers name besides the author.
func (o object) coAuthors() []any {
	all := []any{}
	for _, m := range trailer().FindAllStringSubmatch(o.message, -1) {
		p := map[string]any{}
		for key, v := range map[string]string{"name": strings.TrimSpace(m[1]), "email": strings.TrimSpace(m[2])} {
			if v != "" {
				p[key] = v
			}
		}
		all = append(all, p)
	}
	return all
}

// pullRequest is the number that the message claims; 0 if it claims none. It
// is a hint: whoever writes a message may write any number.
func (o object) pullRequest() int64 {
	for _, m := range [][]string{merged().FindStringSubmatch(o.subject()), squashed().FindStringSubmatch(o.subject()), lab().FindStringSubmatch(o.message)} {
		if m != nil {
			n, _ := strconv.ParseInt(m[1], 10, 64) // at most nine digits
			return n
		}
	}
	return 0
}

// reverts are the commits that the message says it takes back.
func (o object) reverts() (shas []string) {
	for _, m := range reverts().FindAllStringSubmatch(o.message, -1) {
		shas = append(shas, strings.ToLower(m[1]))
	}
	return shas
}

// signatureType names the sort of a signature; "" if it is none that is known.
func (o object) signatureType() string {
	switch o.signature {
	case "-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----":
		return "openpgp"
	case "-----BEGIN SSH SIGNATURE-----":
		return "ssh"
	case "-----BEGIN SIGNED MESSAGE-----":
		return "x509"
	}
	return ""
}
