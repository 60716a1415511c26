package custody

import (
	"fmt"
	"os"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

// Keeper opens the store of one configuration, and takes care of it.
type Keeper struct {
	Config *config.Config
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Say tells a person something beside the result; nil where nobody listens.
	Say func(text string)
	// Busy tells a person what takes so long; the function that it returns ends that. It may be nil.
	Busy     func(doing string) (done func())
	Progress api.ProgressFunc
}

func (k *Keeper) now() time.Time {
	if k.Now == nil {
		return time.Now().UTC()
	}
	return k.Now().UTC()
}

func (k *Keeper) say(format string, args ...any) {
	if k.Say != nil {
		k.Say(fmt.Sprintf(format, args...))
	}
}

func (k *Keeper) busy(doing string) (done func()) {
	if k.Busy == nil {
		return func() {}
	}
	return k.Busy(doing)
}

// OpenReadOnly opens the store to read it. It asks for no signing key.
func (k *Keeper) OpenReadOnly() (*store.Store, error) {
	seal, err := Sealer(k.Config.Store.Encryption)
	if err != nil {
		return nil, err
	}
	return store.Open(k.Config.Store.Path, store.Options{Seal: seal, Kept: keptCheckpoint(k.Config)})
}

// OpenExisting opens the store to append to it; one that does not exist is not made.
func (k *Keeper) OpenExisting() (*store.Store, error) {
	if !exists(k.Config.Store.Path) {
		return k.OpenReadOnly() // says that there is none
	}
	s, _, err := k.OpenWithKey(store.Options{})
	return s, err
}

// OpenWithKey opens the store to append to it, and returns the signing key as
// well. The key must exist; only for a store that does not exist yet is one
// made. A change of the key that was interrupted after the log had the new one
// is finished. The configuration says what seals the store, if o does not.
func (k *Keeper) OpenWithKey(o store.Options) (s *store.Store, key *store.Key, err error) {
	if o.Seal == nil {
		if o.Seal, err = Sealer(k.Config.Store.Encryption); err != nil {
			return nil, nil, err
		}
	}
	if o.Key, err = signingKey(k.Config); err != nil {
		return nil, nil, err
	}
	o.Kept = keptCheckpoint(k.Config)
	s, err = store.Open(k.Config.Store.Path, o)
	if err != nil {
		err = advised(err)
	}
	if !isWrongKey(err) || k.Config.Store.KeyText != "" || !exists(nextKey(k.Config)) {
		return s, o.Key, err
	}
	return k.finishRotation(o, err)
}

// OpenToSign opens the store to read it, with the key that signs for its log.
func (k *Keeper) OpenToSign() (s *store.Store, key *store.Key, err error) {
	if !exists(k.Config.Store.Path) {
		s, err = k.OpenReadOnly() // says that there is none
		return s, nil, err
	}
	if key, err = signingKey(k.Config); err != nil {
		return nil, nil, err
	}
	s, err = k.OpenReadOnly()
	if err == nil && key.Verifier != s.VerifierKey() && k.RotationPending() { // it is to be finished first
		if err = s.Close(); err == nil {
			return k.OpenWithKey(store.Options{})
		}
	}
	return s, key, err
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

// noStore is the error of a store that does not exist; err where it does.
func (k *Keeper) noStore(err error) error {
	if exists(k.Config.Store.Path) {
		return err
	}
	return fmt.Errorf("there is no store at %s yet: `evidenced collect now` makes it", k.Config.Store.Path)
}
