package verify

import (
	"crypto/sha256"
	"math/bits"

	"github.com/evidenced/evidenced/evidence"
)

// tree is an RFC 6962 Merkle tree that is built leaf by leaf. It keeps the
// roots of the perfect subtrees that the leaves so far make, largest first.
type tree struct {
	size int
	tops []evidence.Hash
}

// add appends a leaf, given its leaf hash.
func (t *tree) add(leaf evidence.Hash) {
	t.tops = append(t.tops, leaf)
	for n := t.size; n&1 == 1; n >>= 1 { // each trailing one merges two equal subtrees
		last := len(t.tops) - 1
		t.tops[last-1] = node(t.tops[last-1], t.tops[last])
		t.tops = t.tops[:last]
	}
	t.size++
}

// root is the hash of the tree so far.
func (t *tree) root() evidence.Hash {
	if len(t.tops) == 0 {
		return sha256.Sum256(nil)
	}
	h := t.tops[len(t.tops)-1]
	for i := len(t.tops) - 2; i >= 0; i-- {
		h = node(t.tops[i], h)
	}
	return h
}

// node is SHA-256(0x01 || left || right).
func node(left, right evidence.Hash) evidence.Hash {
	h := sha256.New()
	h.Write([]byte{1})
	h.Write(left[:])
	h.Write(right[:])
	return evidence.Hash(h.Sum(nil))
}

// included reports whether proof shows leaf to be number index of the size
// leaves under root (RFC 9162, section 2.1.3.2).
func included(leaf evidence.Hash, index, size int, proof []evidence.Hash, root evidence.Hash) bool {
	if index < 0 || index >= size || len(proof) > bits.Len(uint(size)) {
		return false
	}
	h, fn, sn := leaf, index, size-1
	for _, p := range proof {
		if sn == 0 {
			return false
		}
		if fn&1 == 1 || fn == sn {
			h = node(p, h)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			h = node(h, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	return sn == 0 && h == root
}
