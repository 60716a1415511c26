package custody

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

// A signing key is changed in three steps, each of which is durable before the
// next: the new key is a file beside the old one, KEY.next; the log says that
// it is in use; the file takes the old one's place, which stays as
// KEY.retired-TIME. The log alone says which key is in use: what was
// interrupted is finished by comparing the files with it.

// nextKey names the file of a key that is about to be used.
func nextKey(c *config.Config) string { return c.Store.Key + ".next" }

// KeyChanged is what `key rotate --json` prints.
type KeyChanged struct {
	Old string `json:"old"`
	New string `json:"new"`
	// File has the new key, Retired the old one, where it is a file.
	File    string `json:"file"`
	Retired string `json:"retired,omitempty"`
}

// Rotate puts a new signing key into use. Of a key that comes from a secret the
// new one is written to the new file out; otherwise out is empty, and the new
// key takes the place of the old one.
func (k *Keeper) Rotate(ctx context.Context, out string) (KeyChanged, error) {
	c := k.Config
	given := c.Store.KeyText != ""
	switch {
	case given && out == "":
		return KeyChanged{}, api.Errorf(api.Usage, "store.key is taken from a secret, which cannot be changed from here: `evidenced key rotate --out FILE` writes the new key to a new file, to be put into the secret")
	case !given && out != "":
		return KeyChanged{}, api.Errorf(api.Usage, "store.key is the file %s, where the new key goes: --out is for a key that comes from a secret", c.Store.Key)
	case !exists(c.Store.Path):
		return KeyChanged{}, fmt.Errorf("there is no store at %s yet, and so no log whose key could be changed", c.Store.Path)
	case given:
		return k.rotateGiven(ctx, out)
	}
	return k.rotateFile(ctx)
}

// rotateFile changes a key that is a file.
func (k *Keeper) rotateFile(ctx context.Context) (done KeyChanged, err error) {
	c := k.Config
	pending := exists(nextKey(c))
	s, key, err := k.OpenWithKey(store.Options{}) // it finishes what the log already says
	if err != nil {
		return done, err
	}
	defer s.Close()
	if pending && !exists(nextKey(c)) {
		old, err := oldKeyOf(s)
		return KeyChanged{Old: old, New: key.Verifier, File: c.Store.Key, Retired: retiredOf(c)}, err
	}
	next, err := k.pendingKey(nextKey(c), s.VerifierKey())
	if err != nil {
		return done, err
	}
	if err := s.Rotate(ctx, next); err != nil {
		return done, err
	}
	done = KeyChanged{Old: key.Verifier, New: next.Verifier, File: c.Store.Key}
	done.Retired, err = k.retire()
	return done, err
}

// rotateGiven changes a key that comes from a secret: the file of the new one
// stays where it was asked for.
func (k *Keeper) rotateGiven(ctx context.Context, out string) (done KeyChanged, err error) {
	c := k.Config
	seal, err := Sealer(c.Store.Encryption)
	if err != nil {
		return done, err
	}
	key, err := givenKey(c)
	if err != nil {
		return done, err
	}
	next, err := k.pendingKey(out, key.Verifier)
	if err != nil {
		return done, err
	}
	s, err := store.Open(c.Store.Path, store.Options{Key: key, Seal: seal, Kept: keptCheckpoint(c)})
	if isWrongKey(err) {
		return k.alreadyGiven(seal, next, out, err)
	}
	if err != nil {
		return done, err
	}
	defer s.Close()
	if err := s.Rotate(ctx, next); err != nil {
		return done, err
	}
	return KeyChanged{Old: key.Verifier, New: next.Verifier, File: out}, nil
}

// alreadyGiven: the log has the new key, the secret does not.
func (k *Keeper) alreadyGiven(seal store.Sealer, next *store.Key, out string, otherwise error) (done KeyChanged, err error) {
	c := k.Config
	s, err := store.Open(c.Store.Path, store.Options{Seal: seal, Kept: keptCheckpoint(c)})
	if err != nil {
		return done, err
	}
	defer s.Close()
	if s.VerifierKey() != next.Verifier {
		return done, otherwise
	}
	old, err := oldKeyOf(s)
	k.say("a change of the signing key was interrupted; the log has the key of %s already", out)
	return KeyChanged{Old: old, New: next.Verifier, File: out}, err
}

// pendingKey makes the key that follows one, or takes that of a change that was
// interrupted before the log had it.
func (k *Keeper) pendingKey(path, current string) (*store.Key, error) {
	if exists(path) {
		next, err := store.ReadKey(path)
		if err == nil {
			k.say("a change of the signing key was interrupted; going on with the key of %s", path)
		}
		return next, err
	}
	log, _, _ := strings.Cut(current, "+") // the name in a verifier key: the log keeps its own
	next, err := store.NewKey(log, nil)
	if err != nil {
		return nil, err
	}
	if err := next.WriteFile(path); err != nil {
		return nil, err
	}
	return next, syncFolder(path)
}

// finishRotation is for a log that has the next key already, while the old one
// is still in its place. The error is what it was opened for, where it does not.
func (k *Keeper) finishRotation(o store.Options, otherwise error) (*store.Store, *store.Key, error) {
	c := k.Config
	next, err := store.ReadKey(nextKey(c))
	if err != nil {
		return nil, nil, errors.Join(otherwise, err)
	}
	o.Key = next
	s, err := store.Open(c.Store.Path, o)
	if isWrongKey(err) {
		return nil, nil, otherwise
	}
	if err != nil {
		return nil, nil, err
	}
	retired, err := k.retire()
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	k.say("a change of the signing key had been interrupted; it is finished now, the old key is %s", retired)
	return s, next, nil
}

// retire puts the next key into the place of the old one. There is a key in
// that place at every instant.
func (k *Keeper) retire() (retired string, err error) {
	c := k.Config
	if retired = retiredOf(c); !sameFile(retired, c.Store.Key) { // it may have got as far as here before
		if retired, err = linkNew(c.Store.Key, c.Store.Key+".retired-"+k.now().Format("20060102T150405Z")); err != nil {
			return "", fmt.Errorf("keep the old signing key: %w", err)
		}
	}
	if err := os.Rename(nextKey(c), c.Store.Key); err != nil {
		return "", fmt.Errorf("put the new signing key into its place: %w", err)
	}
	return retired, syncFolder(c.Store.Key)
}

// linkNew gives a file another name, which is numbered if it is taken.
func linkNew(file, name string) (string, error) {
	taken := name
	for n := 2; ; n++ {
		err := os.Link(file, taken)
		if !errors.Is(err, os.ErrExist) {
			return taken, err
		}
		taken = fmt.Sprintf("%s-%d", name, n)
	}
}

// retiredOf gives the newest retired key, "" if there is none.
func retiredOf(c *config.Config) string {
	folder, err := os.ReadDir(filepath.Dir(c.Store.Key))
	if err != nil {
		return ""
	}
	prefix := filepath.Base(c.Store.Key) + ".retired-"
	for _, f := range slices.Backward(folder) { // they are sorted by name, and so by time
		if strings.HasPrefix(f.Name(), prefix) {
			return filepath.Join(filepath.Dir(c.Store.Key), f.Name())
		}
	}
	return ""
}

func sameFile(a, b string) bool {
	fa, errA := os.Stat(a)
	fb, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(fa, fb)
}

// oldKeyOf gives the key that the one in use has followed.
func oldKeyOf(s *store.Store) (string, error) {
	keys, err := usedKeys(s)
	if err != nil || len(keys) < 2 {
		return "", err
	}
	return keys[len(keys)-2].Key, nil
}

// syncFolder makes the names in the folder of path durable.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func isWrongKey(err error) bool { return errors.Is(err, store.ErrWrongKey) }
