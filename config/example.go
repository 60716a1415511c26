package config

import (
	"fmt"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// Example gives a commented configuration with the samples of the given
// sources. Sources in use are written live, the others as comments.
func Example(organization string, start time.Time, specs []collectors.Spec, use func(name string) bool) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, `# The configuration of evidenced. An unknown key is an error.
# Secrets are never written here: ${env:NAME} and ${file:PATH} are replaced when the file is read.

# The name of the company, as it stands in the log and in bundles.
organization: %q

# The observation period; both days belong to it. Type II is over a period, I is as of its end.
period:
  type: II
  start: %s
  end: %s
  criteria: [security]

# The evidence, and the key that signs it. Keep a copy of the key apart from the store.
store:
  path: evidence.db
  key: evidence.key

# What is read. `+"`evidenced permissions NAME`"+` prints the rights that each needs.
sources:
`, organization, start.Format(day), start.AddDate(0, 6, -1).Format(day))
	for _, s := range specs {
		writeSample(&b, s, use(s.Name))
	}
	return []byte(b.String())
}

func writeSample(b *strings.Builder, s collectors.Spec, live bool) {
	prefix := "  "
	if !live {
		prefix = "  # "
	}
	fmt.Fprintf(b, "\n  # %s\n%s%s:\n", s.Doc, prefix, s.Name)
	for line := range strings.Lines(strings.TrimSpace(string(s.Sample))) {
		fmt.Fprintf(b, "%s  %s\n", prefix, strings.TrimRight(line, "\n"))
	}
}
