package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const hub = "sources: {hub: {organization: a}}\n"

// kinded are the specs with kinds, for retention.
func kinded() []collectors.Spec {
	s := specs()
	s[0].Kinds = []collectors.KindSpec{{Kind: "hub.repository"}, {Kind: "hub.pull_request"}}
	return s
}

const (
	rawKey     = "0123456789abcdefghijklmnopqrstuv"
	signingKey = "PRIVATE+KEY+evidenced/acme+00000000+AAAA\nevidenced/acme+00000000+AAAA"
)

func TestStore(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("STORE_KEY", hex.EncodeToString([]byte(rawKey)))
	t.Setenv("SIGNING_KEY", signingKey)
	c, err := Reader{Specs: kinded()}.Parse(filepath.Join(dir, "c.yaml"), []byte(head+`store:
  key: "${env:SIGNING_KEY}"
  encryption: {key: "${env:STORE_KEY}"}
  retention:
    - {kinds: [hub.pull_request], keep: 400d}
    - kinds: [hub.repository]
      keep: 2y
`+hub))
	if err != nil {
		t.Fatal(err)
	}
	if c.Store.Key != "" || c.Store.KeyText.Reveal() != signingKey || c.Store.Signing() != nil {
		t.Errorf("signing key: %q, %v", c.Store.Key, c.Store.Signing())
	}
	if c.Store.Encryption.Key.Reveal() != rawKey {
		t.Error("another encryption key")
	}
	day := 24 * time.Hour
	want := []Retention{{Kinds: []evidence.Kind{"hub.pull_request"}, Keep: 400 * day}, {Kinds: []evidence.Kind{"hub.repository"}, Keep: 732 * day}}
	for i, r := range c.Store.Retention {
		if !cmp.Equal(r.Kinds, want[i].Kinds) || r.Keep != want[i].Keep {
			t.Errorf("retention %d: %+v", i, r)
		}
	}
	if p := c.Store.Retention[0].Policy(); p != "keep hub.pull_request for 400d" {
		t.Error(p)
	}
	b, err := c.Redacted()
	said := fmt.Sprintf("%s %v %+v", b, c, c.Store.Encryption)
	for _, secret := range []string{rawKey, hex.EncodeToString([]byte(rawKey)), "PRIVATE+KEY"} {
		if err != nil || strings.Contains(said, secret) {
			t.Errorf("%v, or it tells %s: %s", err, secret, said)
		}
	}
	if !strings.Contains(said, "keep hub.repository for 2y") || !strings.Contains(said, "a key of its own") {
		t.Errorf("the log would not tell the rules: %s", b)
	}
}

func TestEncryptionKeyForms(t *testing.T) {
	for _, text := range []string{hex.EncodeToString([]byte(rawKey)), strings.ToUpper(hex.EncodeToString([]byte(rawKey))) + "\n",
		base64.StdEncoding.EncodeToString([]byte(rawKey)), base64.RawURLEncoding.EncodeToString([]byte(rawKey))} {
		if k, err := DecodeKey(text); err != nil || k.Reveal() != rawKey {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", rawKey, strings.Repeat("0", 62), base64.StdEncoding.EncodeToString([]byte(rawKey + "x"))} {
		if _, err := DecodeKey(text); err == nil || text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAnchors(t *testing.T) {
	dir := t.TempDir()
	c, err := Reader{Specs: specs()}.Parse(filepath.Join(dir, "c.yaml"), []byte(head+hub+`anchors:
  - {name: vault, folder: audit}
  - {name: repo, git: {repository: "https://git.example/a.git"}}
  - {name: ssh, git: {repository: "git@git.example:a.git", branch: x}}
  - {name: near, git: {repository: repo.git}}
  - {name: locked, s3: {bucket: acme, prefix: /a/, region: eu-west-1, mode: COMPLIANCE, retain: 400d}}
  - {name: tsa, timestamp: {url: "http://127.0.0.1:1/", ca: ca.pem}}
  - name: auditor
    witness: {url: "https://w.example/", key: "w.example+0123abcd+AAAA"}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Anchor{
		{Name: "vault", Folder: filepath.Join(dir, "audit")},
		{Name: "repo", Git: &AnchorGit{"https://git.example/a.git", "checkpoints"}},
		{Name: "ssh", Git: &AnchorGit{"git@git.example:a.git", "x"}},
		{Name: "near", Git: &AnchorGit{filepath.Join(dir, "repo.git"), "checkpoints"}},
		{Name: "locked", S3: &AnchorS3{Bucket: "acme", Prefix: "a", Region: "eu-west-1", Mode: "COMPLIANCE", Retain: 400 * 24 * time.Hour}},
		{Name: "tsa", Timestamp: &AnchorTimestamp{"http://127.0.0.1:1/", filepath.Join(dir, "ca.pem")}},
		{Name: "auditor", Witness: &AnchorWitness{"https://w.example/", "w.example+0123abcd+AAAA"}},
	}
	if d := cmp.Diff(want, c.Anchors); d != "" {
		t.Error(d)
	}
	b, err := c.Redacted()
	if err != nil || !strings.Contains(string(b), "name: auditor") || !strings.Contains(string(b), "COMPLIANCE") {
		t.Errorf("%v: %s", err, b)
	}
}

// TestStoreMistakes: file, line and remedy for each, and no secret.
func TestStoreMistakes(t *testing.T) {
	t.Setenv("SHORT", "hunter2hunter2")
	t.Setenv("GOOD", hex.EncodeToString([]byte(rawKey)))
	const arn = "arn:aws:kms:eu-west-1:111122223333:key/0-1"
	store := func(s string) string { return head + hub + "store:\n  " + s + "\n" }
	anchors := func(s string) string { return head + hub + "anchors:\n  - " + s + "\n" }
	for name, c := range map[string]struct{ yaml, want string }{
		"unknown key":            {store("pth: x"), `c.yaml:5: unknown key "pth"; did you mean "path"?`},
		"unknown encryption key": {store("encryption:\n    aws_kmz: x"), `c.yaml:6: unknown key "aws_kmz"; did you mean "aws_kms"?`},
		"literal signing key":    {store("key: PRIVATE+KEY+a+0+A"), `c.yaml:5: store.key: a key is not written here: write its path, or ${env:NAME}`},
		"no signing key":         {store("key: \"${env:SHORT}\""), `c.yaml:5: store.key: what ${env:SHORT} gives is not the text of a signing key, which begins with PRIVATE+KEY+; to name a key file, write its path`},
		"empty encryption":       {store("encryption:"), `store.encryption is empty: name one of key, aws_kms and gcp_kms`},
		"no encryption key":      {store("encryption: {}"), `c.yaml:5: store.encryption names 0 keys: want exactly one of key, aws_kms and gcp_kms`},
		"two encryption keys":    {store("encryption:\n    key: \"${env:GOOD}\"\n    aws_kms: " + arn), `c.yaml:6: store.encryption names 2 keys`},
		"literal encryption key": {store("encryption:\n    key: " + hex.EncodeToString([]byte(rawKey))), `c.yaml:6: store.encryption.key: a key is not written here: write ${env:NAME} or ${file:PATH}`},
		"half literal key":       {store("encryption:\n    key: \"00${env:GOOD}\""), `c.yaml:6: store.encryption.key: a key is not written here`},
		"short encryption key":   {store("encryption:\n    key: \"${env:SHORT}\""), `c.yaml:6: store.encryption.key: ${env:SHORT}: want 32 random bytes, as 64 hexadecimal digits or in base64`},
		"missing encryption key": {store("encryption:\n    key: \"${env:NOT_SET_ANYWHERE}\""), `c.yaml:6: ${env:NOT_SET_ANYWHERE}: the environment variable NOT_SET_ANYWHERE is not set`},
		"missing key file":       {store("encryption:\n    key: \"${file:/nowhere/key}\""), `c.yaml:6: ${file:/nowhere/key}: open /nowhere/key: no such file`},
		"no ARN":                 {store("encryption:\n    aws_kms: alias/x"), `c.yaml:6: store.encryption.aws_kms is "alias/x": want arn:aws:kms:`},
		"no resource name":       {store("encryption:\n    gcp_kms: k"), `c.yaml:6: store.encryption.gcp_kms is "k": want projects/p/locations/l/keyRings/r/cryptoKeys/k`},
		"endpoint of nothing":    {store("encryption:\n    aws_kms: " + arn + "\n    gcp_endpoint: http://127.0.0.1:1"), `c.yaml:7: store.encryption.gcp_endpoint is of no use without gcp_kms`},
		"endpoint in the clear":  {store("encryption:\n    aws_kms: " + arn + "\n    aws_endpoint: http://kms.example"), `c.yaml:7: store.encryption.aws_endpoint: the URL of kms.example: http is for this machine only; use https`},
		"no duration":            {store("retention:\n    - {keep: 400}"), `c.yaml:6: store.retention: keep is "400": want days or years, such as 400d or 2y`},
		"no keep":                {store("retention:\n    - {kinds: [hub.repository]}"), `c.yaml:6: store.retention: keep is "": want days`},
		"keeps nothing":          {store("retention:\n    - {keep: 0d}"), `c.yaml:6: store.retention: keep is "0d"`},
		"keeps too long":         {store("retention:\n    - {keep: 101y}"), `c.yaml:6: store.retention: keep is "101y": more than 36600 days`},
		"unknown kind":           {store("retention:\n    - {kinds: [hub.repository], keep: 1y}\n    - {kinds: [hub.pul_request], keep: 1y}"), `c.yaml:7: store.retention: no source has the kind "hub.pul_request"; did you mean "hub.pull_request"?`},
		"kind twice":             {store("retention:\n    - {kinds: [hub.repository], keep: 1y}\n    - {kinds: [hub.repository], keep: 2y}"), `c.yaml:7: store.retention: hub.repository is named twice`},
		"every kind and one":     {store("retention:\n    - {keep: 1y}\n    - {kinds: [hub.repository], keep: 2y}"), `c.yaml:6: store.retention: a rule without kinds is for every kind, so that it must be the only one`},
		"anchor without name":    {anchors("{folder: x}"), `c.yaml:5: anchors: name is "": want a short name`},
		"anchor twice":           {anchors("{name: a, folder: x}\n  - name: a\n    folder: y"), `c.yaml:6: anchors: the name a is used twice, first in line 5`},
		"anchor of nothing":      {anchors("{name: a}"), `c.yaml:5: anchors: a: it is 0 anchors: want exactly one of folder, git, s3, timestamp and witness`},
		"two anchors in one":     {anchors("{name: a, folder: x, git: {repository: y}}"), `anchors: a: it is 2 anchors`},
		"unknown anchor":         {anchors("{name: a, fodler: x}"), `c.yaml:5: unknown key "fodler"; did you mean "folder"?`},
		"git of nothing":         {anchors("{name: a, git: {branch: x}}"), `anchors: a: git.repository is missing`},
		"git in the clear":       {anchors("{name: a, git: {repository: \"http://git.example/a\"}}"), `git.repository: the URL of git.example: http is for this machine only`},
		"git with a password":    {anchors("{name: a, git: {repository: \"https://u:hunter2@git.example/a\"}}"), `git.repository: the URL of git.example: credentials and fragments do not belong into it`},
		"git with a command":     {anchors("{name: a, git: {repository: \"ext::sh -c x\"}}"), `git.repository: want a URL`},
		"git with an option":     {anchors("{name: a, git: {repository: \"--upload-pack=x\"}}"), `git.repository: want a URL`},
		"git host as an option":  {anchors("{name: a, git: {repository: \"ssh://-oProxyCommand=x/a\"}}"), `git.repository is no URL`},
		"git branch":             {anchors("{name: a, git: {repository: x, branch: -f}}"), `git.branch is "-f": want the name of a branch`},
		"no bucket":              {anchors("{name: a, s3: {region: r}}"), `anchors: a: s3.bucket is "": want the name of a bucket`},
		"no region":              {anchors("{name: a, s3: {bucket: bbb}}"), `s3.region is "": want a region such as eu-west-1`},
		"no mode":                {anchors("{name: a, s3: {bucket: bbb, region: r, retain: 1d}}"), `s3.mode is "": want COMPLIANCE (nobody can shorten it) or GOVERNANCE`},
		"no retain":              {anchors("{name: a, s3: {bucket: bbb, region: r, mode: GOVERNANCE}}"), `s3.retain is "": want days or years`},
		"s3 endpoint":            {anchors("{name: a, s3: {bucket: bbb, region: r, mode: GOVERNANCE, retain: 1d, endpoint: \"ftp://x\"}}"), `s3.endpoint: want a URL`},
		"timestamp of nothing":   {anchors("{name: a, timestamp: {ca: x}}"), `timestamp.url: want a URL such as https://host/path`},
		"timestamp without CA":   {anchors("{name: a, timestamp: {url: \"https://t.example\"}}"), `timestamp.ca is missing: the file of the certificate (PEM)`},
		"witness in the clear":   {anchors("{name: a, witness: {url: \"http://w.example\", key: x}}"), `witness.url: the URL of w.example: http is for this machine only`},
		"witness without key":    {anchors("{name: a, witness: {url: \"https://w.example\"}}"), `witness.key is "": want its verifier key`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Reader{Specs: kinded()}.Parse("c.yaml", []byte(c.yaml))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
			if e := new(Error); !errors.As(err, &e) {
				t.Fatalf("%T is not an *Error: the program would not exit with 2", err)
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), hex.EncodeToString([]byte(rawKey))) {
				t.Fatalf("it quotes a secret: %v", err)
			}
		})
	}
}

// TestMissingSigningKey fails who signs, not who reads.
func TestMissingSigningKey(t *testing.T) {
	c, err := Reader{Specs: specs()}.Parse("c.yaml", []byte(head+hub+"store:\n  key: ${env:NOT_SET_ANYWHERE}\n"))
	if err != nil {
		t.Fatal(err)
	}
	e := new(Error)
	if err := c.Store.Signing(); !errors.As(err, &e) || err.Error() != "c.yaml:5: store.key: ${env:NOT_SET_ANYWHERE}: the environment variable NOT_SET_ANYWHERE is not set" {
		t.Error(err)
	}
}

// TestKeyFromFile: a reference to a file gives the key, a path names its file.
func TestKeyFromFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte(signingKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"${file:secret}": "", "secret": filepath.Join(dir, "secret")} {
		c, err := Reader{Specs: specs()}.Parse(filepath.Join(dir, "c.yaml"), []byte(head+hub+"store: {key: \""+value+"\"}\n"))
		if err != nil || c.Store.Key != want || (c.Store.KeyText.Reveal() == signingKey) != (want == "") {
			t.Errorf("%s: key %q, %v", value, c.Store.Key, err)
		}
	}
}
