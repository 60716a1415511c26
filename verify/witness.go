package verify

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// witness is the verifier key of a C2SP tlog-cosignature, cosignature/v1:
// "name+hash+base64(0x04 || Ed25519 key)".
type witness struct {
	name   string
	hash   []byte
	public ed25519.PublicKey
}

const algCosignature = 4

func parseWitness(text string) (w witness, err error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 || !keyName().MatchString(parts[0]) {
		return w, errors.New("the witness's key is not of the form name+hash+base64")
	}
	hash, err := hex.DecodeString(parts[1])
	data, err2 := strict.DecodeString(parts[2])
	if err = errors.Join(err, err2); err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != algCosignature {
		return w, errors.New("the witness's key is not one of cosignature/v1")
	}
	sum := sha256.Sum256([]byte(parts[0] + "\n" + string(data)))
	if !bytes.Equal(hash, sum[:4]) {
		return w, errors.New("the hash of the witness's key is not that of its bytes")
	}
	return witness{parts[0], hash, data[1:]}, nil
}

// open checks the witness's line under a checkpoint's text, and gives the time
// that it states.
func (w witness) open(text, line string) (time.Time, error) {
	rest, ok := strings.CutPrefix(line, "— "+w.name+" ")
	if !ok || !strings.HasSuffix(rest, "\n") {
		return time.Time{}, errors.New("it is no signature line of the witness")
	}
	sig, err := strict.DecodeString(strings.TrimSuffix(rest, "\n"))
	if err != nil || len(sig) != 4+8+ed25519.SignatureSize || !bytes.Equal(sig[:4], w.hash) {
		return time.Time{}, errors.New("it is no cosignature of the witness's key")
	}
	at := binary.BigEndian.Uint64(sig[4:])
	if at > math.MaxInt64 || !ed25519.Verify(w.public, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text), sig[12:]) {
		return time.Time{}, errors.New("the cosignature does not fit the checkpoint")
	}
	return time.Unix(int64(at), 0).UTC(), nil
}
