package gap

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

var joinedCatalogue = fstest.MapFS{
	"views/account.yaml": {Data: []byte("kind: account\ntitle: t\nfrom:\n  - {kind: idp.user, fields: {active: r.active, key: r.mail}}\n  - {kind: code.member, when: r.kept, fields: {active: r.active, key: r.mail}}\n")},
	"views/owned.yaml":   {Data: []byte("kind: owned\ntitle: t\nof: account\njoin:\n  people: {view: person, on: r.key, key: r.keys}\n")},
	"views/person.yaml":  {Data: []byte("kind: person\ntitle: t\nfrom:\n  - {kind: hr.person, fields: {gone: r.gone, keys: r.mails}}\njoin:\n  accounts: {view: account, on: r.keys, key: r.key}\n")},
	"c.yaml": {Data: []byte(`id: c
title: c
family: access
description: d
procedure: p
tests:
  - {id: orphan, title: t, kind: owned, when: r.active, pass: size(r.people) > 0, criteria: [CC6.2], basis: own, severity: high, sla_days: 2}
  - {id: leaver, title: t, kind: person, when: r.gone, pass: '!r.accounts.exists(a, a.active)', criteria: [CC6.2], basis: own, severity: high, sla_days: 1}
`)},
}

// life is what the three sources hold on one day, and which of them were read whole.
type life struct {
	records map[string][]evidence.Record // by stream
	whole   map[string]bool
}

var lifeStreams = []string{"idp/idp.user/a", "code/code.member/b", "hr/hr.person/h"}

// lives makes random days: accounts and people that change, come and go. Where
// the lists fail, they fail together or each by itself.
func lives(seed uint64, days int, together bool) []life {
	rnd := rand.New(rand.NewPCG(seed, 7))
	state := map[string]map[string]map[string]any{}
	var out []life
	for range days {
		l := life{map[string][]evidence.Record{}, map[string]bool{}}
		for _, st := range lifeStreams {
			if state[st] == nil {
				state[st] = map[string]map[string]any{}
			}
			for range rnd.IntN(3) {
				id := fmt.Sprint("x", rnd.IntN(6))
				if rnd.IntN(4) == 0 {
					delete(state[st], id)
				} else {
					mail := fmt.Sprint("m", rnd.IntN(4))
					state[st][id] = map[string]any{"mail": mail, "active": rnd.IntN(3) > 0, "kept": rnd.IntN(4) > 0, "gone": rnd.IntN(2) == 0, "mails": []any{mail, fmt.Sprint("m", rnd.IntN(4))}}
				}
			}
			for _, id := range slices.Sorted(maps.Keys(state[st])) {
				s, _ := evidence.ParseStream(st)
				l.records[st] = append(l.records[st], evidence.Record{Kind: s.Kind, ID: id, Name: id, Attributes: state[st][id]})
			}
		}
		for _, st := range lifeStreams {
			l.whole[st] = rnd.IntN(8) > 0
			if together {
				l.whole[st] = l.whole[lifeStreams[0]]
			}
		}
		out = append(out, l)
	}
	return out
}

// failing returns, of one day, what a person with all three lists would find.
func (l life) failing() map[string]bool {
	bad := map[string]bool{}
	for _, st := range lifeStreams[:2] {
		for _, a := range l.records[st] {
			if st == lifeStreams[1] && a.Attributes["kept"] != true || a.Attributes["active"] != true {
				continue
			}
			owned := slices.ContainsFunc(l.records[lifeStreams[2]], func(p evidence.Record) bool {
				return slices.Contains(p.Attributes["mails"].([]any), a.Attributes["mail"])
			})
			if !owned {
				bad["orphan "+st+" "+a.ID] = true
			}
			for _, p := range l.records[lifeStreams[2]] {
				if p.Attributes["gone"] == true && slices.Contains(p.Attributes["mails"].([]any), a.Attributes["mail"]) {
					bad["leaver "+lifeStreams[2]+" "+p.ID] = true
				}
			}
		}
	}
	return bad
}

// stretch is a finding from the day it was first seen to the day it was seen
// gone, -1 if it never was.
type stretch struct {
	What     string
	From, To int
}

// TestJoinsAgreeWithSomebodyWhoLooks: random histories of three sources, that
// are read in any order each day, and on some days not at all.
func TestJoinsAgreeWithSomebodyWhoLooks(t *testing.T) {
	cat := testCatalogue(t, joinedCatalogue)
	for seed := range uint64(150) {
		days := lives(seed, 25, true)
		if diff := gocmp.Diff(byEye(days), byEngine(t, cat, days, seed)); diff != "" {
			t.Fatalf("seed %d (-by eye +by engine)\n%s", seed, diff)
		}
	}
}

// TestJoinsOfWhatIsReadInPart: each list fails by itself. What holds of every
// result holds, a finding that is told was true on some day, and one that was
// true throughout is told.
func TestJoinsOfWhatIsReadInPart(t *testing.T) {
	cat := testCatalogue(t, joinedCatalogue)
	for seed := range uint64(150) {
		days := lives(seed, 25, false)
		told := map[string]bool{}
		for _, s := range byEngine(t, cat, days, seed) {
			told[s.What] = true
		}
		ever, always := map[string]bool{}, days[0].failing()
		for _, l := range days {
			bad := l.failing()
			maps.Copy(ever, bad)
			maps.DeleteFunc(always, func(f string, _ bool) bool { return !bad[f] })
		}
		for f := range told {
			if !ever[f] {
				t.Errorf("seed %d: %s was never so", seed, f)
			}
		}
		for f := range always {
			if !told[f] {
				t.Errorf("seed %d: %s was so on every day, and is not told", seed, f)
			}
		}
	}
}

func byEye(days []life) []stretch {
	var out []stretch
	open := map[string]int{}
	for d, l := range days {
		if !l.whole[lifeStreams[0]] {
			continue
		}
		bad := l.failing()
		for _, f := range slices.Sorted(maps.Keys(bad)) {
			if _, is := open[f]; !is {
				open[f] = len(out)
				out = append(out, stretch{f, d, -1})
			}
		}
		for f, i := range open {
			if !bad[f] {
				out[i].To = d
				delete(open, f)
			}
		}
	}
	sortStretches(out)
	return out
}

func sortStretches(s []stretch) {
	slices.SortFunc(s, func(a, b stretch) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.From, b.From))
	})
}

// logOf is the log of these days, whose streams are read in any order.
func logOf(t testing.TB, days []life, seed uint64) (log testLog) {
	rnd := rand.New(rand.NewPCG(seed, 8))
	for d, l := range days {
		order := slices.Clone(lifeStreams)
		rnd.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for i, text := range order {
			st, _ := evidence.ParseStream(text)
			due := start.Add(time.Duration(d)*result.Day + 6*time.Hour)
			run := evidence.Run{Slot: evidence.Slot{Stream: st, Due: due, Trigger: evidence.Scheduled}, Outcome: evidence.Failed}
			if l.whole[text] {
				run.Outcome, run.Certificate = evidence.Collected, &evidence.Certificate{Complete: true, Ended: due.Add(time.Duration(i+1) * time.Minute)}
			}
			log.add(t, run, slices.Clone(l.records[text]))
		}
	}
	return log
}

func byEngine(t *testing.T, cat *catalogue.Catalogue, days []life, seed uint64) []stretch {
	log := logOf(t, days, seed)
	p := result.Period{From: start, To: start.AddDate(0, 0, len(days))}
	res, err := Evaluate(context.Background(), cat, &log, p, p.To)
	if err != nil {
		t.Fatal(err)
	}
	checkInvariants(t, res)
	var out []stretch
	for _, g := range res.Gaps {
		if g.Kind != result.Deviation {
			continue
		}
		s := stretch{g.Test + " " + g.Stream + " " + g.Resource, p.Day(g.FirstSeen), -1}
		if g.FixedBy != nil {
			s.To = p.Day(*g.FixedBy)
		}
		out = append(out, s)
	}
	sortStretches(out)
	return out
}
