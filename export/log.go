package export

import (
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// logFiles writes the whole log: leaves, checkpoints, proofs. The tree is
// fixed at the newest checkpoint, so entries that come while the bundle is
// written are not in it.
func (b *bundle) logFiles() error {
	latest, err := b.latest()
	if err != nil {
		return err
	}
	size := uint64(b.log.Size)
	var hashes []evidence.Hash
	if err := b.file("log/entries.jsonl", func(w io.Writer) (err error) { hashes, err = b.leaves(w, size); return err }); err != nil {
		return err
	}
	if err := b.file("log/checkpoints.jsonl", func(w io.Writer) error { return b.checkpoints(w, size) }); err != nil {
		return err
	}
	if err := b.file("log/proofs.jsonl", func(w io.Writer) error { return b.proofs(w, hashes) }); err != nil {
		return err
	}
	if err := b.file("log/checkpoint", text(latest)); err != nil {
		return err
	}
	return b.file("log/key.txt", text([]byte(b.log.Key+"\n")))
}

// latest finds the newest checkpoint and takes size and root from it.
func (b *bundle) latest() (signed []byte, err error) {
	for cp, err := range b.Log.Checkpoints() {
		if err != nil {
			return nil, fmt.Errorf("export: read checkpoints: %w", err)
		}
		signed = cp.Signed
	}
	fields := strings.SplitN(string(signed), "\n", 4)
	if len(fields) != 4 {
		return nil, fmt.Errorf("export: the log has no checkpoint: nothing was collected yet")
	}
	root, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(root) != len(b.log.Root) {
		return nil, fmt.Errorf("export: the newest checkpoint is not one: %q", fields[2])
	}
	copy(b.log.Root[:], root)
	b.log.Key = b.Log.VerifierKey()
	if b.log.Size, err = strconv.Atoi(fields[1]); err != nil {
		return nil, fmt.Errorf("export: the newest checkpoint is not one: %w", err)
	}
	return signed, nil
}

func (b *bundle) leaves(w io.Writer, size uint64) (hashes []evidence.Hash, err error) {
	for leaf, err := range b.Log.Leaves(0) {
		if err != nil {
			return nil, err
		}
		if uint64(len(hashes)) == size {
			break
		}
		if len(leaf) > maxEntry {
			return nil, fmt.Errorf("entry %d has %d bytes, more than the %d that are read again", len(hashes), len(leaf), maxEntry)
		}
		hashes = append(hashes, evidence.LeafHash(leaf))
		if _, err := w.Write(append(leaf, '\n')); err != nil {
			return nil, err
		}
	}
	return hashes, nil
}

func (b *bundle) checkpoints(w io.Writer, size uint64) error {
	for cp, err := range b.Log.Checkpoints() {
		if err != nil {
			return err
		}
		if cp.Size > size {
			break
		}
		if err := line(w, map[string]any{"size": int64(cp.Size), "signed": string(cp.Signed)}); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundle) proofs(w io.Writer, leaves []evidence.Hash) error {
	for i, leaf := range leaves {
		proof, err := b.Log.Proof(uint64(i), uint64(len(leaves)))
		if err != nil {
			return err
		}
		texts := make([]string, len(proof))
		for j, h := range proof {
			texts[j] = h.String()
		}
		if err := line(w, map[string]any{"index": i, "leaf": leaf.String(), "proof": texts}); err != nil {
			return err
		}
	}
	return nil
}
