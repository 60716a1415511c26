package store

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// TestGoldenFormat2: a store that was written when the format was made (eight
// days, of which the first three erased, and a change of the key) is read,
// proved and gone on with for ever.
func TestGoldenFormat2(t *testing.T) {
	path := filepath.Join(t.TempDir(), "e.db")
	golden(t, "testdata/format2.db.gz", path)
	s := open(t, path, Options{Key: writerKey(), Now: func() time.Time { return start.AddDate(1, 0, 0) }})
	if r := mustCheck(t, s); r.Entries != 10 || r.Erased != 6 || r.Checkpoints != 10 || r.Blobs != 10 {
		t.Fatalf("%+v", r)
	}
	got, err := dumpOf(s)
	mustDo(t, err)
	if sum := evidence.HashOf([]byte(got)).String(); sum != format2Sum {
		t.Fatalf("it reads otherwise: %s", sum)
	}
	checkHistories(t, s)
	add(t, s, 9, evidence.Collected, newCompany(5).snapshot())
	mustCheck(t, s)
}

// format2Sum is the hash of all that the golden store holds.
const format2Sum = "290dcd2626c12858082d23e29d49ec2cf02593d3390b24d9a82b0914dfe2ffb3"

// TestGoldenLeafWords: the words that leaves are compressed against are part of
// the format.
func TestGoldenLeafWords(t *testing.T) {
	const want = "6e5ee46b9e1c99f8b190e7cc36ffa37328eb84258e77769b0dad5f74f9868c4b"
	if got := evidence.HashOf([]byte(leafWords)).String(); got != want {
		t.Errorf("leafWords have changed: %s; every store is written with them", got)
	}
	var c compressor
	var d decompressor
	for _, leaf := range []string{"", "x", strings.Repeat(leafWords, 3)} {
		packed, err := c.entry([]byte(leaf))
		mustDo(t, err)
		if b, err := d.entry(nil, packed); err != nil || !bytes.Equal(b, []byte(leaf)) {
			t.Errorf("%.20q: %v", leaf, err)
		}
	}
}
