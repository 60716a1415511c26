package custody

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

var notSlug = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^a-z0-9]+`) })

// LogName returns the name that checkpoints are signed under: the organization, fit for a signed note.
func LogName(organization string) string {
	slug := strings.Trim(notSlug().ReplaceAllString(strings.ToLower(organization), "-"), "-")
	if slug == "" {
		slug = "organization"
	}
	return "evidenced/" + slug
}

// MakeKey makes a signing key at path, unless there is one.
func MakeKey(path, organization string) (made bool, err error) {
	if exists(path) {
		return false, nil
	}
	k, err := store.NewKey(LogName(organization), nil)
	if err != nil {
		return false, err
	}
	return true, k.WriteFile(path)
}

// signingKey reads the key of the store. If neither store nor key exist, it makes one.
func signingKey(c *config.Config) (*store.Key, error) {
	if c.Store.KeyText != "" {
		return givenKey(c)
	}
	_, keyErr := os.Stat(c.Store.Key)
	_, storeErr := os.Stat(c.Store.Path)
	if !errors.Is(keyErr, os.ErrNotExist) || !errors.Is(storeErr, os.ErrNotExist) {
		return store.ReadKey(c.Store.Key)
	}
	k, err := store.NewKey(LogName(c.Organization), nil)
	if err != nil {
		return nil, err
	}
	if err := k.WriteFile(c.Store.Key); err != nil {
		return nil, fmt.Errorf("make a signing key for a new store: %w", err)
	}
	return k, nil
}

// givenKey reads the key that the configuration takes from the environment or
// from a file of secrets.
func givenKey(c *config.Config) (*store.Key, error) {
	if err := c.Store.Signing(); err != nil {
		return nil, err
	}
	k, err := store.ParseKey(c.Store.KeyText.Reveal())
	if err != nil {
		return nil, &config.Error{File: c.Path, Message: fmt.Sprintf("store.key: what it gives is no signing key: %v", err)}
	}
	return k, nil
}

// KeyProblem returns what is wrong with the signing key of the store s; empty if nothing is.
func (k *Keeper) KeyProblem(s *store.Store) string {
	read := func() (*store.Key, error) { return store.ReadKey(k.Config.Store.Key) }
	if k.Config.Store.KeyText != "" {
		read = func() (*store.Key, error) { return givenKey(k.Config) }
	}
	key, err := read()
	switch {
	case err != nil:
		return err.Error()
	case key.Verifier != s.VerifierKey():
		return fmt.Sprintf("the log is signed by %s, the signing key is %s: put the key into place that belongs to it; an earlier one is KEY.retired-TIME", s.VerifierKey(), key.Verifier)
	}
	return ""
}

// RotationPending reports a change of the signing key that was interrupted.
func (k *Keeper) RotationPending() bool {
	return k.Config.Store.KeyText == "" && exists(nextKey(k.Config))
}

// Keys is what `key show --json` prints.
type Keys struct {
	Key  string    `json:"key"`
	Keys []UsedKey `json:"keys"`
}

// UsedKey is one key that the log was signed with.
type UsedKey struct {
	Key string `json:"key"`
	// Entry is the first that it signed for, Since when that was recorded.
	Entry uint64     `json:"entry"`
	Since *time.Time `json:"since"`
	InUse bool       `json:"in_use"`
}

// Keys returns the public key that signs the log, and every one that ever did, the first one first.
func (k *Keeper) Keys() (*Keys, error) {
	s, err := k.OpenReadOnly()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	keys, err := usedKeys(s)
	return &Keys{s.VerifierKey(), keys}, err
}

func usedKeys(s *store.Store) (keys []UsedKey, err error) {
	keys = []UsedKey{{Key: s.VerifierKey()}}
	for e, err := range s.Entries(0) {
		if err != nil {
			return nil, err
		}
		if e.Index == 0 {
			keys[0].Since = &e.Recorded
		}
		if e.Type != evidence.EntryKey {
			continue
		}
		var k evidence.KeyChange
		if err := e.DecodeBody(evidence.EntryKey, &k); err != nil {
			return nil, err
		}
		keys[len(keys)-1].Key = k.Old
		keys = append(keys, UsedKey{Key: k.New, Entry: e.Index, Since: &e.Recorded})
	}
	keys[len(keys)-1].InUse = true
	return keys, nil
}

// Secrets returns the texts of the signing key and the encryption key, as far as this
// process can read them: no source may get to show us those.
func Secrets(c *config.Config) (secrets []string) {
	texts := []string{c.Store.KeyText.Reveal()}
	for _, path := range []string{c.Store.Key, nextKey(c)} {
		if b, err := os.ReadFile(path); err == nil && len(b) <= maxKeyFile {
			texts = append(texts, string(b))
		}
	}
	for _, word := range strings.Fields(strings.Join(texts, "\n")) {
		if strings.HasPrefix(word, privateKey) {
			secrets = append(secrets, word, word[strings.LastIndexByte(word, '+')+1:])
		}
	}
	if e := c.Store.Encryption; e != nil && e.Key != "" {
		secrets = append(secrets, e.Key.Reveal())
	}
	return secrets
}

// privateKey is how a private key in the form of the Go checksum database begins.
const privateKey = "PRIVATE+KEY+"
