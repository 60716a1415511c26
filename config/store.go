package config

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// Store says where the evidence and the signing key are, how the evidence is
// encrypted, and when it may be erased.
type Store struct {
	// Path is the store's file.
	Path string
	// Key is the file of the signing key; empty if KeyText holds the key itself.
	Key string
	// KeyText is the text of the signing key, where the configuration takes it
	// from the environment or from a file of secrets. One that could not be had
	// fails Signing, and nothing else: who only reads needs none.
	KeyText collectors.Secret
	// Encryption is nil for a store that is not encrypted.
	Encryption *Encryption
	// Retention is empty where everything is kept for ever.
	Retention []Retention

	keyErr *Error
}

// Encryption names the key that wraps the data key of the store: exactly one
// of Key, AWSKMS and GCPKMS is set.
type Encryption struct {
	// Key reveals the 32 bytes of a key of one's own.
	Key collectors.Secret `yaml:"-"`
	// AWSKMS is the ARN of a key, AWSEndpoint another address to ask than AWS's.
	AWSKMS      string `yaml:"aws_kms,omitempty"`
	AWSEndpoint string `yaml:"aws_endpoint,omitempty"`
	// GCPKMS is the resource name of a key, GCPEndpoint another address to ask than Google's.
	GCPKMS      string `yaml:"gcp_kms,omitempty"`
	GCPEndpoint string `yaml:"gcp_endpoint,omitempty"`
}

// Retention is one rule of what may be erased.
type Retention struct {
	// Kinds it is for; empty means every kind.
	Kinds []evidence.Kind
	// Keep is how long evidence is kept from when it was recorded.
	Keep time.Duration
	keep string
}

// Policy gives the rule in words, for tombstones and messages.
func (r Retention) Policy() string {
	if len(r.Kinds) == 0 {
		return "keep every kind for " + r.keep
	}
	words := make([]string, len(r.Kinds))
	for i, k := range r.Kinds {
		words[i] = string(k)
	}
	return "keep " + strings.Join(words, ", ") + " for " + r.keep
}

// Signing reports a configured text of the signing key that could not be had.
func (s Store) Signing() error {
	if s.keyErr != nil { // a nil *Error is no nil error
		return s.keyErr
	}
	return nil
}

type fileStore struct {
	Path       string            `yaml:"path"`
	Key        collectors.Secret `yaml:"key"`
	Encryption *fileEncryption   `yaml:"encryption"`
	Retention  []fileRetention   `yaml:"retention"`
}

type fileEncryption struct {
	Key         string `yaml:"key"`
	AWSKMS      string `yaml:"aws_kms"`
	AWSEndpoint string `yaml:"aws_endpoint"`
	GCPKMS      string `yaml:"gcp_kms"`
	GCPEndpoint string `yaml:"gcp_endpoint"`
}

type fileRetention struct {
	Kinds []string `yaml:"kinds"`
	Keep  string   `yaml:"keep"`
}

func (p *parse) store(f fileStore) Store {
	if f.Path == "" {
		f.Path = "evidence.db"
	}
	s := Store{Path: p.beside(f.Path), Retention: p.retention(f.Retention)}
	p.signingKey(&s, f)
	s.Encryption = p.encryption(f.Encryption)
	return s
}

// keyPrefix begins the text of a signing key, as golang.org/x/mod/sumdb/note writes it.
const keyPrefix = "PRIVATE+KEY+"

// signingKey takes the key as a path or, from a reference alone, as its text.
// What a reference gave is never taken for a path: an error would show it.
func (p *parse) signingKey(s *Store, f fileStore) {
	text, n := f.Key.Reveal(), p.node("store", "key")
	line, missing := p.lines[text]
	switch {
	case text == "":
		s.Key = strings.TrimSuffix(s.Path, filepath.Ext(s.Path)) + ".key"
	case missing:
		_, why, _ := strings.Cut(text, ": ")
		s.KeyText, s.keyErr = f.Key, &Error{p.path, line, "store.key: " + why}
	case !isReference(n) && strings.HasPrefix(text, keyPrefix):
		p.fail(n.GetToken().Position.Line, "store.key: a key is not written here: write its path, or ${env:NAME} or ${file:PATH}")
	case !isReference(n):
		s.Key = p.beside(text)
	case !strings.HasPrefix(text, keyPrefix):
		p.fail(n.GetToken().Position.Line, "store.key: what %s gives is not the text of a signing key, which begins with %s; to name a key file, write its path",
			n.GetToken().Value, keyPrefix)
	default:
		s.KeyText = f.Key
	}
}

// isReference reports a value that was written as one reference, and nothing else.
func isReference(n ast.Node) bool {
	s, ok := n.(*ast.StringNode)
	if !ok {
		return false
	}
	written := s.GetToken().Value
	return written != "" && reference().FindString(written) == written
}

var (
	awsKey = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)
	})
	gcpKey = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^projects/[A-Za-z0-9.:_-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+$`)
	})
)

func (p *parse) encryption(f *fileEncryption) *Encryption {
	if f == nil {
		if p.node("store", "encryption") != nil {
			p.fail(p.line("store", "encryption"), "store.encryption is empty: name one of key, aws_kms and gcp_kms, or leave it out")
		}
		return nil
	}
	named := 0
	for _, v := range []string{f.Key, f.AWSKMS, f.GCPKMS} {
		if v != "" {
			named++
		}
	}
	if named != 1 {
		p.fail(p.line("store", "encryption"), "store.encryption names %d keys: want exactly one of key, aws_kms and gcp_kms", named)
		return nil
	}
	e := &Encryption{AWSKMS: f.AWSKMS, AWSEndpoint: f.AWSEndpoint, GCPKMS: f.GCPKMS, GCPEndpoint: f.GCPEndpoint}
	if f.Key != "" {
		e.Key = p.wrappingKey(f.Key)
	}
	p.service("aws", f.AWSKMS, f.AWSEndpoint, awsKey(), "arn:aws:kms:eu-west-1:111122223333:key/…")
	p.service("gcp", f.GCPKMS, f.GCPEndpoint, gcpKey(), "projects/p/locations/l/keyRings/r/cryptoKeys/k")
	return e
}

// service checks the key of a key management service, and the address to ask.
func (p *parse) service(name, key, endpoint string, form *regexp.Regexp, example string) {
	at := func(what string) int { return p.line("store", "encryption", name+what) }
	if key != "" && !form.MatchString(key) {
		p.fail(at("_kms"), "store.encryption.%s_kms is %q: want %s", name, key, example)
	}
	if endpoint == "" {
		return
	}
	if key == "" {
		p.fail(at("_endpoint"), "store.encryption.%s_endpoint is of no use without %s_kms", name, name)
	}
	if err := validURL(endpoint); err != nil {
		p.fail(at("_endpoint"), "store.encryption.%s_endpoint: %v", name, err)
	}
}

const keySize = 32

// wrappingKey reads the 32 bytes of a key. No error shows any of it.
func (p *parse) wrappingKey(text string) collectors.Secret {
	if _, missing := p.lines[text]; missing {
		return "" // demand has told
	}
	n := p.node("store", "encryption", "key")
	if !isReference(n) {
		p.fail(n.GetToken().Position.Line, "store.encryption.key: a key is not written here: write ${env:NAME} or ${file:PATH}")
		return ""
	}
	key, err := DecodeKey(text)
	if err != nil {
		p.fail(n.GetToken().Position.Line, "store.encryption.key: %s: %v", n.GetToken().Value, err)
	}
	return key
}

// DecodeKey reads the text of an encryption key: 32 bytes as 64 hexadecimal
// digits or in base64. Its error shows nothing of it.
func DecodeKey(text string) (collectors.Secret, error) {
	text = strings.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString} {
		if b, err := decode(text); err == nil && len(b) == keySize {
			return collectors.Secret(b), nil
		}
	}
	return "", errors.New("want 32 random bytes, as 64 hexadecimal digits or in base64: `openssl rand -hex 32` makes them")
}

// retention reads the rules. Which of two that are for the same kind would
// count is not for the reader to guess.
func (p *parse) retention(rules []fileRetention) (out []Retention) {
	named := map[evidence.Kind]bool{}
	for i, f := range rules {
		line := p.itemLine(i, "store", "retention")
		if len(f.Kinds) == 0 && len(rules) > 1 {
			p.fail(line, "store.retention: a rule without kinds is for every kind, so that it must be the only one")
		}
		keep, err := duration(f.Keep)
		if err != nil {
			p.fail(line, "store.retention: keep is %q: %v", f.Keep, err)
		}
		r := Retention{Keep: keep, keep: f.Keep}
		for _, k := range f.Kinds {
			p.kind(line, k)
			if named[evidence.Kind(k)] {
				p.fail(line, "store.retention: %s is named twice", k)
			}
			named[evidence.Kind(k)] = true
			r.Kinds = append(r.Kinds, evidence.Kind(k))
		}
		out = append(out, r)
	}
	return out
}

func (p *parse) kind(line int, kind string) {
	p.more()
	var known []string
	for _, s := range p.specs {
		for _, k := range s.Kinds {
			known = append(known, string(k.Kind))
		}
	}
	if !slices.Contains(known, kind) {
		p.fail(line, "store.retention: no source has the kind %q%s", kind, suggest(kind, known))
	}
}

var wholeDays = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^([1-9][0-9]{0,4})([dy])$`) })

// maxKeep is a century, in days.
const maxKeep = 36600

// duration reads "400d" or "2y". A year has 366 days here, so that none is cut short.
func duration(s string) (time.Duration, error) {
	m := wholeDays().FindStringSubmatch(s)
	if m == nil {
		return 0, errors.New("want days or years, such as 400d or 2y")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	if m[2] == "y" {
		n *= 366
	}
	if n > maxKeep {
		return 0, fmt.Errorf("more than %d days; what is to be kept for ever needs no rule", maxKeep)
	}
	return time.Duration(n) * 24 * time.Hour, nil
}
