package verify_test

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/export"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// small is the catalogue of the tests: two controls of the program's own, so that
// a bundle is made and checked in milliseconds.
var small = sync.OnceValue(func() *catalogue.Catalogue {
	cat, err := catalogue.Default()
	if err != nil {
		panic(err)
	}
	of := *cat
	of.Controls = nil
	for _, c := range cat.Controls {
		if c.ID == "mfa-cloud-console" || c.ID == "board-oversight" {
			of.Controls = append(of.Controls, c)
		}
	}
	return &of
})

// filled makes a store with some days of users and merges, one of them missed and one failed.
func filled(t testing.TB, days, users int) (*store.Store, *store.Key) {
	t.Helper()
	s, key, _ := filledAt(t, days, users)
	return s, key
}

// filledAt is filled; set sets the clock of the store.
func filledAt(t testing.TB, days, users int) (s *store.Store, key *store.Key, set func(time.Time)) {
	t.Helper()
	key, err := store.NewKey("evidenced/acme", bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	at := begin
	s, err = store.Open(filepath.Join(t.TempDir(), "e.db"), store.Options{Key: key, Now: func() time.Time { return at }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for d := range days {
		at = begin.AddDate(0, 0, d).Add(6 * time.Hour)
		fill(t, s, at, d, userRecords(d, users))
	}
	return s, key, func(now time.Time) { at = now }
}

func userRecords(d, users int) (out []evidence.Record) {
	for i := range users {
		out = append(out, evidence.Record{Kind: "aws.iam.user", ID: fmt.Sprintf("arn:aws:iam::1:user/u%04d", i), Name: fmt.Sprintf("u%04d", i),
			Attributes: map[string]any{"password_enabled": true, "mfa_active": (i+d)%7 != 0, "created_at": "2025-01-01T00:00:00Z", "rotated": int64((d + i) / 50)}})
	}
	return out
}

func fill(t testing.TB, s *store.Store, at time.Time, d int, records []evidence.Record) {
	t.Helper()
	run := evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "aws", Kind: "aws.iam.user", Scope: "1"}, Due: at, Trigger: evidence.Scheduled}}
	err := s.Append(context.Background(), func(w evidence.Writer) error {
		if d == 2 {
			run.Outcome, run.Reason = evidence.Missed, &evidence.Reason{Class: evidence.AgentOff}
			_, err := w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
			return err
		}
		run.Outcome = evidence.Collected
		run.Certificate = &evidence.Certificate{Complete: true, Scopes: []evidence.ScopeResult{{Scope: "1", Status: evidence.ScopeRead}}, Rows: len(records),
			Pages: 1, Requests: 1, Principal: "arn:aws:iam::1:role/x", Started: at, Ended: at, Collector: "aws/1", Rules: "r"}
		if err := blobs(w, &run, records, at); err != nil {
			return err
		}
		_, err := w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
		if err == nil && d == 0 {
			err = declared(w)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// declared writes down by which catalogue is judged.
func declared(w evidence.Writer) error {
	e, err := evidence.WithBody(evidence.EntryCatalogue, map[string]any{"digest": small().Digest().String()})
	if err == nil {
		_, err = w.Entry(e)
	}
	return err
}

func blobs(w evidence.Writer, run *evidence.Run, records []evidence.Record, at time.Time) error {
	b, err := evidence.Lines(records)
	if err != nil {
		return err
	}
	ref, err := w.Blob(evidence.Series{Stream: run.Stream, Content: evidence.ContentRecords}, bytes.NewReader(b), len(records))
	if err != nil {
		return err
	}
	run.Records = &ref
	x, err := evidence.Lines([]evidence.Exchange{{Call: "iam:GetCredentialReport", Method: "POST", URL: "https://iam.amazonaws.com/", Status: 200,
		Body: "user,arn\n" + strings.Repeat("x", len(records)), Attempt: 1, Started: at, Ended: at, RequestID: at.String()}})
	if err != nil {
		return err
	}
	xref, err := w.Blob(evidence.Series{Stream: run.Stream, Content: evidence.ContentExchanges}, bytes.NewReader(x), 1)
	run.Exchanges = &xref
	return err
}

func write(t testing.TB, s *store.Store, key *store.Key, days int) []byte {
	t.Helper()
	cat := small()
	end := begin.AddDate(0, 0, days)
	res := judged(t, s, cat, result.Period{From: begin, To: end})
	var buf bytes.Buffer
	_, err := export.Write(context.Background(), &buf, export.Input{Organization: `Acme <b>&"Inc`, Type: "II", Result: res, Catalogue: cat, Log: s, Sign: key.Sign, Generator: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// judged judges a period that is over by what belongs to its bundle.
func judged(t testing.TB, s *store.Store, cat *catalogue.Catalogue, p result.Period) *result.Result {
	t.Helper()
	e, span := gap.NewEngine(cat, p), evidence.Span{From: p.From, To: p.To, AsOf: p.To}
	for run, err := range s.Runs() {
		if err == nil && span.Holds(run) {
			err = e.Observe(run, gap.LinesOf(s, run))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return e.Result(p.To)
}

func check(t testing.TB, bundle []byte, key string) verify.Result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bundle.zip")
	if err := os.WriteFile(path, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	res, err := verify.File(context.Background(), path, verify.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestSoundBundle(t *testing.T) {
	s, key := filled(t, 6, 20)
	bundle := write(t, s, key, 6)
	res := check(t, bundle, s.VerifierKey())
	if !res.OK || !res.Complete || !res.Pinned {
		t.Fatalf("%+v", res)
	}
	if c := res.Checked; c.Entries != 7 || c.Checkpoints != 6 || c.Proofs != 7 || c.Records != 100 || c.Exchanges != 5 {
		t.Fatalf("checked %+v", c)
	}
	if again := write(t, s, key, 6); !bytes.Equal(bundle, again) {
		t.Fatal("the same evidence gave another bundle")
	}
	if res := check(t, bundle, "someone+00000000+else"); res.OK {
		t.Fatal("took a bundle that another key signed")
	}
	if res := check(t, write(t, s, key, 400), s.VerifierKey()); !res.OK || !res.Complete || res.ExitCode() != 0 {
		t.Fatalf("a bundle as of the end of its period: %+v", res.Failures)
	}
}

// TestEveryByteCounts tampers with a bundle at random and byte by byte in its
// small parts; each change must be found.
func TestEveryByteCounts(t *testing.T) {
	s, key := filled(t, 4, 5)
	bundle := write(t, s, key, 4)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 1000 {
		if bad, what := tamper(bundle, rng); check(t, bad, "").OK {
			t.Fatalf("tampering %d was not found: %s", n, what)
		}
	}
}

// tamper changes one place: a bit, a byte removed, added, or two swapped.
func tamper(b []byte, rng *rand.Rand) (bad []byte, what string) {
	i := rng.IntN(len(b))
	bad = slices.Clone(b)
	switch rng.IntN(5) {
	case 0:
		bad[i] ^= 1 << rng.IntN(8)
		return bad, fmt.Sprintf("bit flipped at %d", i)
	case 1:
		return slices.Delete(bad, i, i+1), fmt.Sprintf("byte removed at %d", i)
	case 2:
		return slices.Insert(bad, i, byte(rng.IntN(256))), fmt.Sprintf("byte added at %d", i)
	case 3:
		return bad[:i], fmt.Sprintf("cut at %d", i)
	}
	for j := i; ; j = rng.IntN(len(b)) {
		if bad[i] != bad[j] {
			bad[i], bad[j] = bad[j], bad[i]
			return bad, fmt.Sprintf("bytes %d and %d swapped", i, j)
		}
	}
}

// rewrite copies a bundle's members through edit, which may change, drop (nil)
// or keep each; the archive itself is well-formed.
func rewrite(t testing.TB, bundle []byte, edit func(name string, content []byte) []byte, more map[string][]byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	put := func(name string, content []byte) {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		if strings.HasPrefix(name, "manifest.") {
			h.Method = zip.Store
		}
		f, err := w.CreateHeader(h)
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(rc)
		if err != nil {
			t.Fatal(err)
		}
		if content = edit(f.Name, content); content != nil {
			put(f.Name, content)
		}
	}
	for name, content := range more {
		put(name, content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestForgeries are well-formed archives by someone who knows the format but
// not the key, or who holds the key and rewrites history.
func TestForgeries(t *testing.T) {
	s, key := filled(t, 5, 5)
	bundle := write(t, s, key, 5)
	keep := func(_ string, c []byte) []byte { return c }
	in := func(prefix string, f func([]byte) []byte) func(string, []byte) []byte {
		return func(name string, c []byte) []byte {
			if strings.HasPrefix(name, prefix) {
				return f(c)
			}
			return c
		}
	}
	drop := func([]byte) []byte { return nil }
	cases := map[string]struct {
		bundle []byte
		check  string
	}{
		"file dropped":     {rewrite(t, bundle, in("controls/mfa-cloud-console/gaps.csv", drop), nil), "file"},
		"file added":       {rewrite(t, bundle, keep, map[string][]byte{"controls/extra.csv": []byte("x")}), "file"},
		"traversal":        {rewrite(t, bundle, keep, map[string][]byte{"../../etc/passwd": []byte("x")}), "file"},
		"evidence changed": {rewrite(t, bundle, in("evidence/records/", func(c []byte) []byte { return bytes.Replace(c, []byte("false"), []byte("true"), 1) }), nil), "file"},
		"csv changed":      {rewrite(t, bundle, in("controls/mfa-cloud-console/gaps.csv", func(c []byte) []byte { return c[:len(c)/2] }), nil), "file"},
		"manifest changed": {rewrite(t, bundle, in("manifest.json", func(c []byte) []byte { return bytes.Replace(c, []byte("Acme"), []byte("Evil"), 1) }), nil), "signature"},
		"manifest dropped": {rewrite(t, bundle, in("manifest.json", drop), nil), "manifest"},
		"signature gone":   {rewrite(t, bundle, in("manifest.sig", drop), nil), "signature"},
		"packed again":     {rewrite(t, bundle, keep, nil), "archive"},
		"not a zip":        {[]byte("not a zip"), "archive"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { wantFailure(t, check(t, c.bundle, ""), c.check) })
	}
}

func wantFailure(t *testing.T, res verify.Result, check string) {
	t.Helper()
	if res.OK || !slices.ContainsFunc(res.Failures, func(f verify.Failure) bool { return f.Check == check }) {
		t.Fatalf("want a failure of %q, got ok=%t %+v", check, res.OK, res.Failures)
	}
}

// resealed gives a bundle whose log files were edited by someone who holds the
// key: manifest and its signature are made anew, the checkpoints are not.
func resealed(t *testing.T, bundle []byte, key *store.Key, edit func(name string, content []byte) []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	var order []string
	for _, f := range r.File {
		rc, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(rc); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(f.Name, "manifest.") {
			order = append(order, f.Name)
		}
	}
	var m verify.Manifest
	if err := evidence.DecodeCanonical(files["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	return pack(t, m, order, func(name string) []byte { return edit(name, files[name]) }, key)
}

// pack writes an archive as docs/bundle.md describes it, by other code than the writer's.
func pack(t *testing.T, m verify.Manifest, order []string, content func(string) []byte, key *store.Key) []byte {
	t.Helper()
	return packBehind(t, m, order, content, "", key.Sign)
}

// packBehind is pack; the member behind gets bytes behind its deflate stream.
func packBehind(t *testing.T, m verify.Manifest, order []string, content func(string) []byte, behind string, sign func(string) ([]byte, error)) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	put := func(name string, method uint16, plain, packed []byte) {
		h := &zip.FileHeader{Name: name, Method: method, CRC32: crc32.ChecksumIEEE(plain), CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(plain))}
		//lint:ignore SA1019 CreateRaw writes this field, and not Modified
		h.ModifiedDate = 1<<5 | 1
		dst, err := w.CreateRaw(h)
		if err == nil {
			_, err = dst.Write(packed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	m.Files = nil
	for _, name := range order {
		plain := content(name)
		packed := deflate(t, plain)
		if name == behind {
			packed = append(packed, "hidden"...)
		}
		put(name, zip.Deflate, plain, packed)
		m.Files = append(m.Files, verify.Member{Path: name, Size: int64(len(plain)), SHA256: evidence.HashOf(plain), Packed: int64(len(packed)), PackedSHA256: evidence.HashOf(packed)})
	}
	raw, err := evidence.Canonical(m)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := sign("evidenced bundle manifest\n" + evidence.HashOf(raw).String() + "\n")
	if err != nil {
		t.Fatal(err)
	}
	put("manifest.json", zip.Store, raw, raw)
	put("manifest.sig", zip.Store, signature, signature)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func deflate(t *testing.T, plain []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := flate.NewWriter(&buf, 6)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// TestHistoryRewritten: the holder of the key changes the past; the
// checkpoints that were signed then, or the ledger's own rules, give it away.
func TestHistoryRewritten(t *testing.T) {
	s, key := filled(t, 5, 5)
	bundle := write(t, s, key, 5)
	if res := check(t, resealed(t, bundle, key, func(_ string, c []byte) []byte { return c }), s.VerifierKey()); !res.OK {
		t.Fatalf("resealing without a change must be sound: %+v", res.Failures)
	}
	logLines := func(f func(lines [][]byte) [][]byte) func(string, []byte) []byte {
		return func(name string, c []byte) []byte {
			if name != "log/entries.jsonl" {
				return c
			}
			return append(bytes.Join(f(bytes.Split(bytes.TrimSuffix(c, []byte("\n")), []byte("\n"))), []byte("\n")), '\n')
		}
	}
	cases := map[string]struct {
		edit  func(string, []byte) []byte
		check string
	}{
		"entry changed": {logLines(func(l [][]byte) [][]byte {
			l[3] = bytes.Replace(l[3], []byte("missed"), []byte("failed"), 1)
			return l
		}), "checkpoint"},
		"entry dropped":   {logLines(func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) }), "checkpoint"},
		"last dropped":    {logLines(func(l [][]byte) [][]byte { return l[:5] }), "checkpoint"},
		"entries swapped": {logLines(func(l [][]byte) [][]byte { l[2], l[4] = l[4], l[2]; return l }), "checkpoint"},
		"entry repeated":  {logLines(func(l [][]byte) [][]byte { return append(l, l[5]) }), "log"},
		"records swapped": {func(name string, c []byte) []byte {
			if strings.HasPrefix(name, "evidence/records/") {
				return bytes.ReplaceAll(c, []byte("false"), []byte("true"))
			}
			return c
		}, "evidence"},
		"checkpoints emptied": {func(name string, c []byte) []byte {
			if name == "log/checkpoint" {
				return []byte("evidenced/acme\n5\nAAAA\n")
			}
			return c
		}, "checkpoint"},
		"proof changed": {func(name string, c []byte) []byte {
			if name == "log/proofs.jsonl" {
				return bytes.Replace(c, []byte(`"proof":["`), []byte(`"proof":["00`), 1)
			}
			return c
		}, "proof"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			wantFailure(t, check(t, resealed(t, bundle, key, c.edit), s.VerifierKey()), c.check)
		})
	}
}

func TestEscaping(t *testing.T) {
	s, key := filled(t, 3, 3)
	bundle := write(t, s, key, 3)
	rewrite(t, bundle, func(name string, c []byte) []byte {
		if name == "index.html" && (bytes.Contains(c, []byte("<b>&\"Inc")) || !bytes.Contains(c, []byte("Acme &lt;b&gt;&amp;"))) {
			t.Errorf("the organisation's name is not escaped")
		}
		return c
	}, nil)
}

func FuzzOpen(f *testing.F) {
	s, key := filled(f, 2, 2)
	sound := write(f, s, key, 2)
	f.Add(sound)
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "b.zip")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		res, err := verify.File(context.Background(), path, verify.Options{MaxBytes: 1 << 24})
		if err == nil && res.OK && !bytes.Equal(b, sound) {
			t.Fatal("another archive is as sound as the one that was signed")
		}
	})
}

// events adds the reading of a window of events.
func events(t testing.TB, s *store.Store, from, to time.Time) {
	t.Helper()
	run := evidence.Run{Slot: evidence.Slot{Stream: evidence.Stream{Source: "okta", Kind: "okta.event", Scope: "1"}, Due: to.Add(6 * time.Hour), Trigger: evidence.Scheduled}, Outcome: evidence.Collected}
	when := from.Add(time.Hour)
	records := []evidence.Record{{Kind: "okta.event", ID: from.String(), Name: "sign-in", Effective: &when, Attributes: map[string]any{}}}
	run.Certificate = &evidence.Certificate{Complete: true, Scopes: []evidence.ScopeResult{{Scope: "1", Status: evidence.ScopeRead}}, Rows: 1, Pages: 1, Requests: 1,
		Window: &evidence.Window{From: from, To: to}, Started: run.Due, Ended: run.Due, Collector: "okta/1", Rules: "r"}
	err := s.Append(context.Background(), func(w evidence.Writer) error {
		if err := blobs(w, &run, records, run.Due); err != nil {
			return err
		}
		_, err := w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
