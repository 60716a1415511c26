package receipt

import (
	"fmt"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// Inclusion is what a receipt states: that an entry is the leaf number Index of
// the Size leaves of the log, under Root.
type Inclusion struct {
	// Verifier is the verifier key of the log: name+hash+base64.
	Verifier    string
	Index, Size uint64
	// Path is the inclusion proof, from the leaf upwards.
	Path []evidence.Hash
	Root evidence.Hash
}

// Labels of COSE and CWT (RFC 9052, 9597, 8392, 9942).
const (
	headerAlg    = 1
	headerKid    = 4
	headerClaims = 15
	headerVDS    = 395
	headerVDP    = 396

	claimIssuer  = 1
	claimSubject = 2

	algEdDSA        = -8
	rfc9162SHA256   = 1
	inclusionProofs = -1

	tagSign1 = 18
)

// Sign returns the receipt: a COSE_Sign1 over the root, which is left out of it, as
// it follows from the leaf and the proof. sign returns the Ed25519 signature of bytes
// by the log's key.
func (in Inclusion) Sign(sign func([]byte) ([]byte, error)) ([]byte, error) {
	name, rest, ok := strings.Cut(in.Verifier, "+")
	id, _, more := strings.Cut(rest, "+")
	if !ok || !more || in.Index >= in.Size {
		return nil, fmt.Errorf("receipt of entry %d of %d under %q: no such entry or key", in.Index, in.Size, in.Verifier)
	}
	protected := fields{{headerAlg, integer(algEdDSA)}, {headerKid, raw(id)},
		{headerClaims, fields{{claimIssuer, text(name)}, {claimSubject, text(fmt.Sprintf("entry %d of the log %s", in.Index, name))}}},
		{headerVDS, integer(rfc9162SHA256)}}.append(nil)
	signature, err := sign(list{text("Signature1"), raw(protected), raw(nil), raw(in.Root[:])}.append(nil))
	if err != nil {
		return nil, fmt.Errorf("sign the receipt of entry %d: %w", in.Index, err)
	}
	path := list{}
	for _, h := range in.Path {
		path = append(path, raw(h[:]))
	}
	proof := list{integer(in.Size), integer(in.Index), path}.append(nil)
	unprotected := fields{{headerVDP, fields{{inclusionProofs, list{raw(proof)}}}}}
	return list{raw(protected), unprotected, null{}, raw(signature)}.append(head(nil, majorTag, tagSign1)), nil
}
