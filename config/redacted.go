package config

import (
	"bytes"
	"fmt"
	"time"

	"github.com/goccy/go-yaml"
)

// Redacted gives the configuration as it is written into the log: every value
// that was used, but no secret, and nothing that came from the environment or
// from another file.
func (c *Config) Redacted() ([]byte, error) {
	var buf bytes.Buffer
	fmt.Fprintf(&buf, "organization: %q\nperiod: {type: %s, from: %s, to: %s}\n", c.Organization, c.Period.Type,
		c.Period.From.Format(time.RFC3339), c.Period.To.Format(time.RFC3339))
	if err := c.describe(&buf); err != nil {
		return nil, err
	}
	for _, s := range c.Sources {
		b, err := yaml.Marshal(map[string]any{s.Spec.Name: s.Config})
		if err != nil {
			return nil, fmt.Errorf("describe configuration of %s: %w", s.Spec.Name, err)
		}
		buf.Write(b)
	}
	return []byte(c.secrets.Replace(buf.String())), nil
}

// describe tells how the store is kept, as far as that is configured. Where
// its file lies is nothing to the auditor.
func (c *Config) describe(buf *bytes.Buffer) error {
	told := map[string]any{}
	if e := c.Store.Encryption; e != nil {
		told["encryption"] = e.by()
	}
	var policy []string
	for _, r := range c.Store.Retention {
		policy = append(policy, r.Policy())
	}
	if policy != nil {
		told["retention"] = policy
	}
	if len(c.Anchors) > 0 {
		told["anchors"] = c.Anchors
	}
	if len(c.Notify) > 0 { // to whom is nothing to the auditor
		var channels []string
		for _, n := range c.Notify {
			channels = append(channels, n.Name+", from "+n.Severity)
		}
		told["notify"] = channels
	}
	if len(told) == 0 {
		return nil
	}
	b, err := yaml.Marshal(told)
	if err != nil {
		return fmt.Errorf("describe the configuration of the store: %w", err)
	}
	buf.Write(b)
	return nil
}

// by says by what the store is encrypted.
func (e *Encryption) by() any {
	if e.AWSKMS == "" && e.GCPKMS == "" {
		return "a key of its own"
	}
	return e
}
