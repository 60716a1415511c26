package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/evidenced/evidenced/demo"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/store"
)

// BenchmarkStoreYear evaluates a year as it lies in a store: 10,000 resources of
// ten kinds, of which 1 % change a day in what 100 tests read and 20 % in what
// they do not.
func BenchmarkStoreYear(b *testing.B) {
	kinds, each, days := 10, 1000, 365
	if testing.Short() {
		each, days = 50, 30
	}
	key, err := store.NewKey("bench", nil)
	if err != nil {
		b.Fatal(err)
	}
	at := demo.Start
	s, err := store.Open(filepath.Join(b.TempDir(), "evidence.db"), store.Options{Key: key, Now: func() time.Time { return at }})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	said := map[[2]int]map[string]any{}
	for d := range days {
		at = demo.Start.AddDate(0, 0, d).Add(6 * time.Hour)
		if err := s.Append(context.Background(), func(w evidence.Writer) error {
			for k := range kinds {
				if err := appendRun(w, thingStream(k), at, evidence.Collected, nil, things(rnd, said, k, each)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	cat := thingCatalogue(b, kinds)
	p := result.Period{From: demo.Start, To: demo.Start.AddDate(0, 0, days)}
	for b.Loop() {
		res, err := gap.Evaluate(context.Background(), cat, s, p, p.To)
		if err != nil || res.Slots.Expected != 0 && res.Slots.Collected == 0 || len(res.Tests) != 100 {
			b.Fatal(err, res)
		}
		b.ReportMetric(float64(len(res.Gaps)), "gaps")
	}
}

func thingStream(k int) evidence.Stream {
	return evidence.Stream{Source: "aws", Kind: evidence.Kind(fmt.Sprintf("aws.thing%d", k)), Scope: "1"}
}

func things(rnd *rand.Rand, said map[[2]int]map[string]any, k, n int) []evidence.Record {
	out := make([]evidence.Record, n)
	for i := range out {
		m := said[[2]int{k, i}]
		if m == nil {
			m = map[string]any{"region": "eu-west-1", "list": []any{"a", "b"}, "tags": map[string]any{"team": "a", "cost": int64(4)}, "policy": strings.Repeat("p", 200)}
			for a := range 10 {
				m[fmt.Sprint("a", a)] = rnd.IntN(1000) > 0
			}
			said[[2]int{k, i}] = m
		}
		if rnd.IntN(100) == 0 {
			m[fmt.Sprint("a", rnd.IntN(10))] = rnd.IntN(1000) > 0
		}
		if rnd.IntN(5) == 0 {
			m["used"] = fmt.Sprint(rnd.Uint64())
		}
		out[i] = evidence.Record{Kind: thingStream(k).Kind, ID: fmt.Sprintf("arn:aws:thing:%06d", i), Name: fmt.Sprint("thing ", i), Attributes: m}
	}
	return out
}

func thingCatalogue(b *testing.B, kinds int) *catalogue.Catalogue {
	var s bytes.Buffer
	s.WriteString("id: one\ntitle: One\nfamily: test\ndescription: d\nprocedure: p\ntests:\n")
	for k := range kinds {
		for a := range 10 {
			fmt.Fprintf(&s, "  - {id: t%d-%d, title: t, kind: aws.thing%d, pass: \"r.a%d && size(r.list) > 0\", criteria: [CC6.1], basis: own, severity: high, sla_days: 7}\n", k, a, k, a)
		}
	}
	cat, err := catalogue.Load(fstest.MapFS{"one.yaml": {Data: s.Bytes()}, "criteria.yaml": {Data: []byte("criteria: [{id: CC6.1, title: t}]\n")}})
	if err != nil {
		b.Fatal(err)
	}
	return cat
}
