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
# Secrets are never written here: ${env:NAME}, ${file:PATH}, ${aws-secret:NAME} and ${gcp-secret:projects/P/secrets/S} are
# replaced when the file is read.

# The name of the company, as it stands in the log and in bundles.
organization: %q

# The observation period; both days belong to it. Type II is over a period, I is as of its end. What was due before the agent
# ran is missed: begin it no earlier than the day on which it is collected for the first time.
period:
  type: II
  start: %s
  end: %s
  criteria: [security]

# The evidence, and the key that signs it. Keep a copy of the key apart from the store.
store:
  path: evidence.db
  ## The key's file, or ${env:NAME} or ${file:PATH} where a secret holds the text of that file.
  key: evidence.key
  ## The store is encrypted with a key of 32 bytes (`+"`openssl rand -hex 32`"+` makes one), or with one of AWS
  ## or of Google. Once there is a store, `+"`evidenced store compact --reseal`"+` applies a change.
  # encryption:
  #   key: "${file:/run/secrets/evidenced-store-key}"
  #   aws_kms: arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000
  #   gcp_kms: projects/acme/locations/europe/keyRings/evidenced/cryptoKeys/store
  ## What `+"`evidenced store retain`"+` erases: days (400d) or years (2y) after it was recorded, and never what
  ## is of the period. What is not named is kept for ever; a rule without kinds is for all of them.
  # retention:
  #   - {kinds: [github.pull_request], keep: 800d}

# Who else sees that the log grows: each gets its signed checkpoints, so that nobody can rewrite it later.
# anchors:
#   - {name: vault, folder: /mnt/audit}
#   - {name: repo, git: {repository: "https://git.example.com/acme/checkpoints.git", branch: checkpoints}}
#   - {name: locked, s3: {bucket: acme-checkpoints, prefix: evidenced, region: eu-west-1, mode: COMPLIANCE, retain: 400d}}
#   - {name: tsa, timestamp: {url: "https://tsa.example.com/", ca: tsa-ca.pem}}
#   - {name: auditor, witness: {url: "https://witness.example.com/", key: "witness.example.com+00000000+AAAA"}}

# Who is told of gaps, promised times and trouble: see docs/serve.md.
# notify:
#   - {slack: "${env:SLACK_WEBHOOK}", severity: medium}
#   - {smtp: {host: "smtp.example.com:587", from: evidenced@example.com, to: [security@example.com], username: evidenced, password: "${env:SMTP_PASSWORD}"}}
#   - {webhook: {url: "https://hooks.example.com/evidenced", secret: "${env:HOOK_SECRET}"}}
#   - {pagerduty: {key: "${env:PAGERDUTY_ROUTING_KEY}"}, severity: critical}
#   - {jira: {url: "https://acme.atlassian.net", email: bot@example.com, token: "${env:JIRA_TOKEN}", project: SEC}}
#   - {github: {repository: acme/security, token: "${env:GITHUB_ISSUES_TOKEN}"}}

# How `+"`evidenced serve`"+` is reached: by the commands, over a socket beside the store; by others, over HTTP, which only tells how it is.
# serve:
#   socket: evidence.sock
#   listen: 127.0.0.1:8470
#   ## Names by which HTTP may be asked, beside localhost and addresses.
#   hosts: [evidenced.internal]
#   ## The longest time by which a source begins after its slots are due.
#   jitter: 2m

# A folder of your own sources, each described by one file: see docs/definitions.md.
# definitions: sources

# A folder of your own controls and working days, laid over ours: see docs/controls.md.
# catalogue: controls

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
