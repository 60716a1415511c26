package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors/all"
)

const vaulted = `organization: Acme
period: {start: 2026-01-01, end: 2026-06-30}
store: {encryption: {key: "${aws-secret:store#key}"}}
notify: [{slack: "${gcp-secret:projects/p/secrets/slack}"}]
sources:
  github: {organization: acme, token: "${aws-secret:github}"}
`

// TestVault: a secret manager is asked for what is needed, and its secrets are
// treated as any other.
func TestVault(t *testing.T) {
	var asked []string
	gone := false
	vault := func(scheme, name string) (string, error) {
		asked = append(asked, scheme+":"+name)
		switch {
		case gone:
			return "", errors.New("denied")
		case name == "store#key":
			return strings.Repeat("ab", 32), nil
		case scheme == "gcp-secret":
			return "https://hooks.example.com/s3cret\n", nil
		}
		return "s3cret-token", nil
	}
	c, err := Reader{Specs: all.Specs(), Vault: vault, Spare: true}.Parse("e.yaml", []byte(vaulted))
	if err != nil || len(asked) != 1 || asked[0] != "aws-secret:store#key" {
		t.Fatalf("who only reads asked for %v: %v", asked, err)
	}
	spare := c.Resolved
	if c, err = (Reader{Specs: all.Specs(), Vault: vault}).Parse("e.yaml", []byte(vaulted)); err != nil || len(asked) != 4 {
		t.Fatalf("asked for %v: %v", asked, err)
	}
	if !c.Remote || c.Resolved == spare || c.Notify[0].Slack.Reveal() != "https://hooks.example.com/s3cret" {
		t.Fatalf("%+v", c.Notify[0])
	}
	text, err := c.Redacted()
	if err != nil || strings.Contains(string(text), "s3cret") {
		t.Fatalf("%s %v", text, err)
	}
	gone = true
	if _, err := (Reader{Specs: all.Specs(), Vault: vault}).Parse("e.yaml", []byte(vaulted)); err == nil || !strings.Contains(err.Error(), "e.yaml:3: ${aws-secret:store#key}: denied") {
		t.Fatalf("%v", err)
	}
	gone = false
	without := strings.Replace(vaulted, "store: {encryption: {key: \"${aws-secret:store#key}\"}}\n", "", 1)
	gone = true
	if c, err = (Reader{Specs: all.Specs(), Vault: vault}).Parse("e.yaml", []byte(without)); err != nil {
		t.Fatalf("a source that cannot be read keeps the others from it: %v", err)
	}
	if err := c.Notify[0].Slack.Check(); err == nil || !strings.Contains(err.Error(), "denied") {
		t.Fatal(err)
	}
}

// TestLost: a secret that was there and is missing now is told from one that
// never was.
func TestLost(t *testing.T) {
	const text = "organization: Acme\nperiod: {start: 2026-01-01, end: 2026-06-30}\nsources:\n  github: {organization: acme, token: \"${aws-secret:github}\"}\n"
	read := func(err error) *Config {
		c, fault := Reader{Specs: all.Specs(), Vault: func(string, string) (string, error) { return "s3cret", err }}.Parse("e.yaml", []byte(text))
		if fault != nil {
			t.Fatal(fault)
		}
		return c
	}
	well, ill := read(nil), read(errors.New("not reached"))
	if got := ill.Lost(well); len(got) != 1 || got[0] != "${aws-secret:github}" {
		t.Errorf("lost %v", got)
	}
	if got := append(well.Lost(ill), ill.Lost(ill)...); len(got) != 0 {
		t.Errorf("lost what never was: %v", got)
	}
}

// TestReadFile: what is no file keeps nobody waiting, and none is read without end.
func TestReadFile(t *testing.T) {
	for _, path := range []string{"/dev/zero", t.TempDir(), "/nowhere"} {
		if b, err := ReadFile(path); err == nil {
			t.Errorf("%s: %d bytes", path, len(b))
		}
	}
}
