package verify_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// object is an entry of the log as JSON, to be bent.
type object = map[string]any

// within returns a member of a member of an entry: within(e, "run", "certificate").
func within(e object, path ...string) object {
	for _, name := range path {
		next, _ := e[name].(object)
		e = next
	}
	return e
}

// bent is a bundle whose log was written anew by the holder of the key, who signs
// all of it: the checkpoints at each new time, the manifest, everything.
type bent struct {
	entries  []object
	files    map[string][]byte
	order    []string
	manifest verify.Manifest
	stamps   bool // keep the numbers of the entries as they are
}

func unpack(t *testing.T, bundle []byte) *bent {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	must(t, err)
	b := &bent{files: map[string][]byte{}}
	for _, f := range r.File {
		rc, err := f.Open()
		must(t, err)
		b.files[f.Name], err = io.ReadAll(rc)
		must(t, err)
		if !strings.HasPrefix(f.Name, "manifest.") {
			b.order = append(b.order, f.Name)
		}
	}
	must(t, evidence.DecodeCanonical(b.files["manifest.json"], &b.manifest))
	for line := range bytes.Lines(b.files["log/entries.jsonl"]) {
		var e object
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		must(t, d.Decode(&e))
		b.entries = append(b.entries, e)
	}
	return b
}

// drop leaves members out of the bundle.
func (b *bent) drop(names ...string) {
	b.order = slices.DeleteFunc(b.order, func(n string) bool { return slices.Contains(names, n) })
}

// dropRun leaves what a run names out of the bundle.
func (b *bent) dropRun(i int) {
	b.drop("evidence/records/"+within(b.entries[i], "run", "records")["hash"].(string)+".jsonl",
		"evidence/exchanges/"+within(b.entries[i], "run", "exchanges")["hash"].(string)+".jsonl")
}

// sealed writes the log and the bundle anew, with nothing in them that does not fit.
func (b *bent) sealed(t *testing.T, key *store.Key) []byte {
	t.Helper()
	var lines, proofs, checkpoints bytes.Buffer
	var leaves []evidence.Hash
	for i, e := range b.entries {
		if !b.stamps {
			e["index"] = json.Number(fmt.Sprint(i))
		}
		line := canonicalOf(t, e)
		leaves = append(leaves, evidence.LeafHash(line))
		lines.Write(append(line, '\n'))
		if i+1 == len(b.entries) || b.entries[i+1]["recorded"] != e["recorded"] {
			signed := signedCheckpoint(t, key, leaves)
			checkpoints.Write(append(canonicalOf(t, object{"size": json.Number(fmt.Sprint(i + 1)), "signed": signed}), '\n'))
			b.files["log/checkpoint"] = []byte(signed)
		}
	}
	for i := range leaves {
		path := []any{}
		for _, h := range pathOf(i, leaves) {
			path = append(path, h.String())
		}
		proofs.Write(append(canonicalOf(t, object{"index": json.Number(fmt.Sprint(i)), "leaf": leaves[i].String(), "proof": path}), '\n'))
	}
	b.files["log/entries.jsonl"], b.files["log/proofs.jsonl"], b.files["log/checkpoints.jsonl"] = lines.Bytes(), proofs.Bytes(), checkpoints.Bytes()
	b.manifest.Log.Size, b.manifest.Log.Root = len(leaves), rootOf(leaves)
	return pack(t, b.manifest, b.order, func(name string) []byte { return b.files[name] }, key)
}

func canonicalOf(t *testing.T, v any) []byte {
	t.Helper()
	b, err := evidence.Canonical(v)
	must(t, err)
	return b
}

func signedCheckpoint(t *testing.T, key *store.Key, leaves []evidence.Hash) string {
	t.Helper()
	root := rootOf(leaves)
	origin, _, _ := strings.Cut(key.Verifier, "+")
	signed, err := key.Sign(fmt.Sprintf("%s\n%d\n%s\n", origin, len(leaves), base64.StdEncoding.EncodeToString(root[:])))
	must(t, err)
	return string(signed)
}

// rootOf and pathOf are RFC 6962, sections 2.1 and 2.1.1, word for word.
func rootOf(leaves []evidence.Hash) evidence.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	left, right := rootOf(leaves[:k]), rootOf(leaves[k:])
	return evidence.HashOf(slices.Concat([]byte{1}, left[:], right[:]))
}

func pathOf(m int, leaves []evidence.Hash) []evidence.Hash {
	if len(leaves) == 1 {
		return nil
	}
	if k := split(len(leaves)); m < k {
		return append(pathOf(m, leaves[:k]), rootOf(leaves[k:]))
	} else {
		return append(pathOf(m-k, leaves[k:]), rootOf(leaves[:k]))
	}
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// bends are what the holder of the key does to the log and the evidence, and
// re-signs; which check of the small verifier finds it, and how it says so. Where
// check is empty, the bundle is incomplete (exit code 3) and not unsound. Entry 0
// is a reading of users, 1 the catalogue, 3 a missed slot, 6 on are readings of events.
var bends = map[string]struct {
	bend        func(b *bent)
	check, says string
}{
	"a missed slot is called collected":                   {func(b *bent) { b.entries[3]["run"].(object)["outcome"] = "collected" }, "ledger", "no certificate"},
	"a missed slot gets the records of another":           {func(b *bent) { b.entries[3]["run"].(object)["records"] = b.entries[2]["run"].(object)["records"] }, "ledger", "a missed slot has no evidence"},
	"a reading that was not complete is called collected": {func(b *bent) { within(b.entries[2], "run", "certificate")["complete"] = false }, "ledger", "is not complete"},
	"rows that were never read":                           {func(b *bent) { within(b.entries[2], "run", "certificate")["rows"] = json.Number("6") }, "ledger", "is not complete"},
	"a scope that was denied": {func(b *bent) {
		within(b.entries[2], "run", "certificate")["scopes"].([]any)[0].(object)["status"] = "denied"
	}, "ledger", "was not read"},
	"a slot that ends a second time, better": {func(b *bent) {
		again := maps.Clone(b.entries[2])
		run := maps.Clone(again["run"].(object))
		run["due"] = within(b.entries[3], "run")["due"]
		again["run"], again["recorded"] = run, b.entries[3]["recorded"]
		b.entries = slices.Insert(b.entries, 4, again)
	}, "ledger", "ended before"},
	"a reading of before it was due":                 {func(b *bent) { within(b.entries[2], "run")["due"] = "2026-01-02T20:00:00Z" }, "ledger", "before"},
	"a reading that ended after it was written down": {func(b *bent) { within(b.entries[2], "run", "certificate")["ended"] = "2026-01-02T07:00:00Z" }, "ledger", "after it was written down"},
	"a reading that ended before it began":           {func(b *bent) { within(b.entries[2], "run", "certificate")["ended"] = "2026-01-02T05:00:00Z" }, "ledger", "before it began"},
	"events of a time that had not come": {func(b *bent) {
		within(b.entries[6], "run", "certificate", "window")["to"] = "2026-01-09T00:00:00Z"
	}, "ledger", "it says that it read events until"},
	"a hole in the events":      {func(b *bent) { b.entries = slices.Delete(b.entries, 7, 8) }, "ledger", "has a hole from"},
	"the first events left out": {func(b *bent) { b.dropRun(6); b.entries = slices.Delete(b.entries, 6, 7) }, "", "has a hole at its start"},
	"the last events left out": {func(b *bent) {
		b.dropRun(8)
		last := within(b.entries[8], "run")
		last["outcome"] = "missed"
		delete(last, "certificate")
		delete(last, "records")
		delete(last, "exchanges")
	}, "", "has a hole at its end"},
	"an entry is given another number":       {func(b *bent) { b.stamps = true; b.entries[2]["index"] = json.Number("7") }, "log", "says it is entry 7"},
	"an entry is left out, the numbers stay": {func(b *bent) { b.stamps = true; b.entries = slices.Delete(b.entries, 2, 3) }, "log", "says it is entry 3"},
	"entries change places":                  {func(b *bent) { b.entries[2], b.entries[3] = b.entries[3], b.entries[2] }, "log", "was recorded before the one before it"},
	"the log says of a file that it has other lines": {func(b *bent) {
		within(b.entries[2], "run", "records")["count"] = json.Number("4")
		within(b.entries[2], "run", "certificate")["rows"] = json.Number("4")
	}, "evidence", "lines, the log says 4"},
	"the log says of a file that it is larger": {func(b *bent) { within(b.entries[2], "run", "records")["size"] = json.Number("1") }, "evidence", "is not the one in the log"},
	"a failing snapshot is taken for that of the day before": {func(b *bent) {
		run := within(b.entries[4], "run")
		run["records"] = maps.Clone(within(b.entries[2], "run", "records"))
	}, "evidence", "no entry of the log names it"},
	"a tombstone of what is there": {func(b *bent) {
		b.add(object{"type": "erasure", "body": object{"policy": "x", "before": "2026-01-04T00:00:00Z", "blobs": []any{within(b.entries[2], "run", "records")}}})
	}, "evidence", "says that it was erased"},
	"a tombstone of what is too young, which is taken out": {func(b *bent) {
		ref := within(b.entries[4], "run", "records")
		b.drop("evidence/records/" + ref["hash"].(string) + ".jsonl")
		b.add(object{"type": "erasure", "body": object{"policy": "x", "before": "2026-01-02T00:00:00Z", "blobs": []any{ref}}})
	}, "custody", "as older than"},
	"a failing snapshot is taken out": {func(b *bent) {
		b.drop("evidence/records/" + within(b.entries[4], "run", "records")["hash"].(string) + ".jsonl")
	}, "evidence", "it is not in the bundle"},
	"its raw answers are taken out": {func(b *bent) {
		b.drop("evidence/exchanges/" + within(b.entries[4], "run", "exchanges")["hash"].(string) + ".jsonl")
	}, "evidence", "it is not in the bundle"},
	"an anchor that saw a checkpoint that there never was": {func(b *bent) {
		b.add(object{"type": "anchor", "body": object{"type": "git", "name": "vault", "to": "x", "size": json.Number("77"), "root": strings.Repeat("0", 64), "digest": strings.Repeat("0", 64), "receipt": "YQ=="}})
	}, "custody", "no checkpoint of 77 entries"},
	"an anchor that saw the log as it was before": {func(b *bent) {
		b.add(object{"type": "anchor", "body": object{"type": "git", "name": "vault", "to": "x", "size": json.Number("3"), "root": strings.Repeat("0", 64), "digest": strings.Repeat("0", 64), "receipt": "YQ=="}})
	}, "custody", "saw another checkpoint"},
	"a change of the key that nobody signed": {func(b *bent) {
		b.add(object{"type": "key", "body": object{"old": b.manifest.Log.Key, "new": b.manifest.Log.Key, "note": "x\n\n"}})
	}, "custody", "not signed by"},
	"the catalogue is in force no more": {func(b *bent) {
		b.add(object{"type": "catalogue", "body": object{"digest": strings.Repeat("0", 64)}})
	}, "catalogue", "in force, by entry"},
	"the catalogue was never said": {func(b *bent) { b.entries = slices.Delete(b.entries, 1, 2) }, "catalogue", "does not say by which catalogue"},
	"a configuration that is not the one of its digest": {func(b *bent) {
		b.add(object{"type": "config", "body": object{"digest": strings.Repeat("0", 64), "yaml": "x", "sources": object{}}})
	}, "log", "does not have the digest"},
	"root kinds that the log does not name": {func(b *bent) {
		b.add(object{"type": "config", "body": object{"digest": evidence.HashOf([]byte("x")).String(), "yaml": "x", "sources": object{"aws": object{"root": "aws.account", "kinds": []any{}, "schedule": "0 6 * * *"}}}})
	}, "catalogue", "does not name the root kinds"},
	"an entry of a sort that no verifier knows": {func(b *bent) { b.add(object{"type": "amnesty", "body": object{"of": "everything"}}) }, "", "does not know"},
	"the log went back, and somebody says so": {func(b *bent) {
		b.add(object{"type": "agent", "body": object{"event": "log_went_back", "had": json.Number("40"), "has": json.Number("9"), "checkpoint": "x", "by": "ann", "reason": "why not"}})
	}, "", "the log went back"},
	"the bundle is as of before a failure":         {func(b *bent) { b.manifest.AsOf = begin.AddDate(0, 0, 2) }, "evidence", "no entry of the log names it"},
	"the period ends before a failure":             {func(b *bent) { b.manifest.Period.To = begin.AddDate(0, 0, 2) }, "evidence", "no entry of the log names it"},
	"the bundle is of other kinds":                 {func(b *bent) { b.manifest.Kinds = []evidence.Kind{"aws.s3.bucket"} }, "evidence", "no entry of the log names it"},
	"it calls itself a bundle of the first format": {func(b *bent) { b.manifest.Format = "evidenced-bundle/1" }, "evidence", "no entry of the log names it"},
	"it calls itself a bundle of a format to come": {func(b *bent) { b.manifest.Format = "evidenced-bundle/9" }, "manifest", "this program reads"},
	"an upload is taken out": {func(b *bent) {
		b.add(object{"type": "upload", "blobs": []any{object{"hash": strings.Repeat("0", 64), "size": json.Number("1"), "count": json.Number("1")}}, "body": object{"title": "t", "by": "ann", "controls": []any{"mfa"}, "effective": "2026-01-01T00:00:00Z", "files": []any{}}})
	}, "evidence", "it is not in the bundle"},
}

// add appends an entry at the time of the last one.
func (b *bent) add(e object) {
	e["recorded"] = b.entries[len(b.entries)-1]["recorded"]
	b.entries = append(b.entries, e)
}

// honest is a bundle with a state stream and a stream of events, whose last window
// was read after the period's end.
func honest(t *testing.T) ([]byte, *store.Key) {
	t.Helper()
	s, key, set := filledAt(t, 5, 5)
	for d := range 3 {
		set(begin.AddDate(0, 0, d+5))
		events(t, s, begin.AddDate(0, 0, d), begin.AddDate(0, 0, d+1))
	}
	return write(t, s, key, 3), key
}

// TestBentLogs: what is done to a log by the holder of its key, and what of it is
// found by this package alone.
func TestBentLogs(t *testing.T) {
	bundle, key := honest(t)
	if res := check(t, unpack(t, bundle).sealed(t, key), key.Verifier); !res.OK || res.ExitCode() != 0 {
		t.Fatalf("the honest log, written anew: %d, %+v %v", res.ExitCode(), res.Failures, res.Holes)
	}
	for name, c := range bends {
		t.Run(name, func(t *testing.T) {
			b := unpack(t, bundle)
			c.bend(b)
			res := check(t, b.sealed(t, key), key.Verifier)
			var text strings.Builder
			must(t, res.WriteText(&text))
			if c.check == "" {
				if !res.OK || res.ExitCode() != 3 || !strings.Contains(text.String(), c.says) {
					t.Errorf("exit code %d, want 3 and %q in\n%s", res.ExitCode(), c.says, &text)
				}
				return
			}
			finds(t, res, c.check, c.says)
		})
	}
}
