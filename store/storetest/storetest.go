package storetest

import (
	"context"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// Store is what keeps evidence.
type Store interface {
	evidence.Log
	Size() (uint64, error)
	Entries(from uint64) iter.Seq2[evidence.Entry, error]
	Leaves(from uint64) iter.Seq2[[]byte, error]
	// Scan yields the leaves from index on, each to be decoded if it matters.
	Scan(from uint64) iter.Seq2[evidence.Leaf, error]
	Runs() iter.Seq2[evidence.Run, error]
	Records(evidence.Ref) iter.Seq2[evidence.Record, error]
	Exchanges(evidence.Ref) iter.Seq2[evidence.Exchange, error]
	Blob(evidence.Hash) (io.ReadCloser, error)
	History(st evidence.Stream, scope evidence.Scope, id string) iter.Seq2[store.State, error]
	Checkpoint() (signed []byte, size uint64, err error)
	Checkpoints() iter.Seq2[evidence.Checkpoint, error]
	Proof(index, size uint64) ([]evidence.Hash, error)
	Consistency(older, newer uint64) ([]evidence.Hash, error)
	VerifierKey() string
	Rotate(ctx context.Context, next *store.Key) error
	Erase(ctx context.Context, r store.Retention) ([]evidence.Ref, error)
	Check(ctx context.Context) (store.Report, error)
	Close() error
}

// Opener opens the store that is in a folder, and makes it if there is none.
type Opener func(t testing.TB, folder string, key *store.Key, now func() time.Time) Store

// Run makes each statement about a store a test of its own.
func Run(t *testing.T, open Opener) {
	for _, s := range statements {
		t.Run(s.says, func(t *testing.T) { s.holds(newBench(t, open)) })
	}
}

var statements = []struct {
	says  string
	holds func(*bench)
}{
	{"indices are dense, from 0, and survive reopening", denseIndices},
	{"an append is whole or nothing", wholeOrNothing},
	{"a cancelled append leaves nothing", cancelled},
	{"an append that panics leaves nothing, and the panic reaches the caller", panics},
	{"an append whose writer failed fails, even if the failure is ignored", ignoredFailure},
	{"a writer is of no use after its append", lateWriter},
	{"an append on a condition needs the log to have that size", condition},
	{"of many that append at one size, one succeeds", contention},
	{"recorded times never go back, and a clock that did is an entry", clockBack},
	{"equal bytes are one blob", equalBytes},
	{"any bytes come back as they were", anyBytes},
	{"an entry cannot name a blob that is not there", dangling},
	{"records out of their order are refused", disorder},
	{"a leaf is the canonical text of its entry", canonicalLeaves},
	{"scan, entries, leaves and runs tell the same log", sameLog},
	{"one append is one checkpoint, over all leaves, signed", checkpoints},
	{"every leaf is proven by a checker that shares nothing with the store", inclusion},
	{"every older log is proven to begin the newer ones", consistency},
	{"readers see a prefix of the log while others append", prefixes},
	{"what many append at once is all there", concurrentAppends},
	{"history is what a scan over every snapshot tells", histories},
	{"what retention erased keeps its leaf and proof, and the rest its bytes", erasure},
	{"what is still named by a newer entry is not erased", erasureSpares},
	{"an erased blob can be collected again", erasedAndBack},
	{"a new key takes over with the signatures of both", rotation},
	{"a log of another name cannot take over", rotationOfAnother},
	{"a large blob is streamed, in and out", large},
}
