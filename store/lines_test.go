package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// FuzzRecordKey: the key is that of the scope and the id, whatever they hold.
func FuzzRecordKey(f *testing.F) {
	f.Add("scope", "id", `x","id":"y`)
	f.Add("", "\x00\"\\,", `,"scope":"z`)
	f.Fuzz(func(t *testing.T, scope, id, other string) {
		r := evidence.Record{Kind: "a.b", ID: id, Name: other, Scope: evidence.Scope(scope), Attributes: map[string]any{"id": other, "x": map[string]any{"id": id, "scope": other}, other: other}}
		line, err := evidence.Lines([]evidence.Record{r})
		if err != nil {
			return // not UTF-8
		}
		if got, want := recordKey(line), pairKey([]byte(scope), []byte(id)); !bytes.Equal(got, want) {
			t.Fatalf("%s: key %q, want %q", line, got, want)
		}
	})
}

// TestSameButVolatile compares with what decoded records say.
func TestSameButVolatile(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"last_used", "mfa", "nested", "used_by"}
	random := func() map[string]any {
		m := map[string]any{}
		for _, n := range names {
			switch rng.IntN(5) {
			case 0:
				m[n] = fmt.Sprint("day ", rng.IntN(3))
			case 1:
				m[n] = map[string]any{"last_used": fmt.Sprint(rng.IntN(3)), "x": []any{`"last_used":"1"`}}
			case 2:
				m[n] = []any{int64(rng.IntN(2)), `},"last_used":"`}
			case 3:
				m[n] = rng.IntN(2) == 0
			}
		}
		return m
	}
	volatile := []string{"last_used", "used_by"}
	short := 0
	for range 30000 {
		a, b := random(), random()
		if rng.IntN(3) > 0 { // mostly alike
			b = map[string]any{}
			for k, v := range a {
				b[k] = v
			}
			b[names[rng.IntN(4)]] = fmt.Sprint("day ", rng.IntN(3))
		}
		la, lb := recordLine(t, a), recordLine(t, b)
		for _, n := range volatile {
			delete(a, n)
			delete(b, n)
		}
		want := reflect.DeepEqual(a, b)
		if got := sameButVolatile(la, lb, volatile); got != want {
			t.Fatalf("%s%s: %t", la, lb, got)
		}
		if inVolatile(la, lb, volatile) {
			short++
			if !want {
				t.Fatalf("%s%s: the short way says that they are the same", la, lb)
			}
		}
	}
	if short == 0 {
		t.Fatal("the short way was never taken")
	}
}

func recordLine(t testing.TB, attributes map[string]any) []byte {
	t.Helper()
	b, err := evidence.Lines([]evidence.Record{{Kind: "a.b", ID: "x", Name: "n", Attributes: attributes}})
	mustDo(t, err)
	return b
}

// FuzzPatch: whatever two texts there are, the patch from one makes the other;
// and no head, whatever it says, makes the reader fail otherwise than by an error.
func FuzzPatch(f *testing.F) {
	f.Add("a\nb\nc\n", "a\nc\nd\n", []byte{4, 1})
	f.Add("", "x", []byte{})
	f.Add(strings.Repeat("line of text\n", 50), strings.Repeat("line of txet\n", 49)+"end", []byte{1, 2, 3})
	var p compressor
	var u decompressor
	f.Fuzz(func(t *testing.T, old, now string, head []byte) {
		s := newShard([]byte(old))
		fr, err := p.makePatch(evidence.ContentRecords, newShard([]byte(now)), s, 1, 0)
		mustDo(t, err)
		got, err := decodeFrame(fr.encode())
		mustDo(t, err)
		lines, err := got.open(&u, s.split())
		if err != nil || string(bytes.Join(lines, nil)) != now {
			t.Fatalf("%q from %q: %q, %v", now, old, lines, err)
		}
		if plan, err := readHead(head, s.split(), len(now)); err == nil {
			if lines, err := plan.apply(make([]byte, plan.text)); err != nil || len(bytes.Join(lines, nil)) != len(now) {
				t.Fatalf("a head that was accepted makes %d bytes, not %d: %v", len(bytes.Join(lines, nil)), len(now), err)
			}
		}
		if fr, err := decodeFrame(head); err == nil {
			_, _ = fr.open(&u, s.split())
		}
		_, _ = decodeBlob(head)
		_, _ = decodeCuts(head)
		_, _ = decodeHistory(head)
	})
}
