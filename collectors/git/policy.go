package git

import (
	"fmt"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// policy says what the user that runs evidenced must be able to read. git has
// no rights of its own: those of the files are all there is.
func policy(calls []collectors.Call) ([]byte, error) {
	var b strings.Builder
	var rights []string
	b.WriteString("# Run by the user of evidenced, with an environment of its own, and nothing else:\n")
	for _, c := range calls {
		fmt.Fprintf(&b, "#   %s\n", strings.TrimPrefix(c.Name, "RUN "))
		rights = append(rights, c.Permissions...)
	}
	slices.Sort(rights)
	for _, r := range slices.Compact(rights) {
		fmt.Fprintf(&b, "# It needs %s, such as by:\n", r)
	}
	b.WriteString("setfacl -R -m u:evidenced:rX,d:u:evidenced:rX /srv/git/product.git\n")
	return []byte(b.String()), nil
}
