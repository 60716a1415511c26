package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/evidence"
)

// strict refuses base64 whose unused last bits are set, so that one value has one text.
var strict = base64.StdEncoding.Strict()

// key is a C2SP note verifier key of type Ed25519: "name+hash+base64".
type key struct {
	name   string
	hash   []byte // 4 bytes
	public ed25519.PublicKey
}

const algEd25519 = 1

// keyName is what a key may be called: it is printed, and stands in notes.
var keyName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9./_-]{1,200}$`) })

func parseKey(text string) (key, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 || !keyName().MatchString(parts[0]) {
		return key{}, errors.New("the key is not of the form name+hash+base64, its name of letters, digits and . / _ -")
	}
	hash, err := hex.DecodeString(parts[1])
	data, err2 := strict.DecodeString(parts[2])
	if err = errors.Join(err, err2); err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != algEd25519 {
		return key{}, errors.New("the key is not an Ed25519 key")
	}
	sum := sha256.Sum256([]byte(parts[0] + "\n" + string(data)))
	if !bytes.Equal(hash, sum[:4]) {
		return key{}, errors.New("the key's hash is not that of its bytes")
	}
	return key{parts[0], hash, data[1:]}, nil
}

// openNote checks a signed note that bears the signatures of exactly these
// keys, in this order, and returns its text. The note must be the one text that
// these values give.
func openNote(signed []byte, by ...key) (string, error) {
	text, sigs, ok := strings.Cut(string(signed), "\n\n")
	if !ok {
		return "", errors.New("not a signed note")
	}
	text += "\n"
	for _, k := range by {
		line, rest, ok := strings.Cut(sigs, "\n")
		if !ok {
			return "", fmt.Errorf("not signed by %s", k)
		}
		if err := k.check(text, line); err != nil {
			return "", err
		}
		sigs = rest
	}
	if sigs != "" {
		return "", errors.New("it bears more signatures than it should")
	}
	return text, nil
}

// check checks one signature line, without its newline.
func (k key) check(text, line string) error {
	rest, ok := strings.CutPrefix(line, "— "+k.name+" ")
	if !ok {
		return fmt.Errorf("not signed by %s", k)
	}
	sig, err := strict.DecodeString(rest)
	if err != nil || len(sig) != 4+ed25519.SignatureSize || !bytes.Equal(sig[:4], k.hash) {
		return fmt.Errorf("not signed by %s", k)
	}
	if !ed25519.Verify(k.public, []byte(text), sig[4:]) {
		return errors.New("the signature does not fit the text")
	}
	return nil
}

// String names a key without its bytes.
func (k key) String() string { return k.name + "+" + hex.EncodeToString(k.hash) }

// checkpoint is the content of a C2SP checkpoint.
type checkpoint struct {
	size int
	root evidence.Hash
}

// openCheckpoint checks and reads "origin\nsize\nroot\n".
func openCheckpoint(signed []byte, by ...key) (cp checkpoint, err error) {
	text, err := openNote(signed, by...)
	if err != nil {
		return cp, err
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != by[0].name || lines[3] != "" {
		return cp, errors.New("the signed text is not a checkpoint of this log")
	}
	root, err := strict.DecodeString(lines[2])
	if err != nil || len(root) != len(cp.root) {
		return cp, errors.New("the checkpoint's root is not a hash")
	}
	if cp.size, err = strconv.Atoi(lines[1]); err != nil || cp.size < 0 {
		return cp, errors.New("the checkpoint's size is not a number")
	}
	copy(cp.root[:], root)
	return cp, nil
}
