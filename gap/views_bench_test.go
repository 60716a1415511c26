package gap

import (
	"fmt"
	"iter"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// joined is a log that is made as it is read.
type joined struct {
	runs    iter.Seq[evidence.Run]
	records func(evidence.Ref) iter.Seq2[evidence.Record, error]
}

func daily(d int, stream string, minute int, w *evidence.Window) evidence.Run {
	st, _ := evidence.ParseStream(stream)
	due := start.Add(time.Duration(d)*result.Day + 6*time.Hour)
	return evidence.Run{Slot: evidence.Slot{Stream: st, Due: due, Trigger: evidence.Scheduled}, Outcome: evidence.Collected,
		Certificate: &evidence.Certificate{Complete: true, Window: w, Ended: due.Add(time.Duration(minute) * time.Minute)},
		Records:     &evidence.Ref{Hash: evidence.HashOf(fmt.Append(nil, d, stream)), Size: int64(d), Count: minute}}
}

// BenchmarkAccounts is a year of 20,000 people with two accounts each, see accounts.
func BenchmarkAccounts(b *testing.B) {
	people, days := 20_000, 365
	if testing.Short() {
		people = 1000
	}
	judge(b, accounts(people, days), days, "id.account.linked", people*2)
}

// accounts is a log of people with two accounts each: of them a few change a
// day, and each joins, leaves or stays by the number of the day.
func accounts(people, days int) joined {
	attributes := func(kind evidence.Kind, i, d int) map[string]any {
		mail, leaves := fmt.Sprintf("p%d@x", i), i%days*2
		switch kind {
		case "roster.person":
			m := map[string]any{"emails": []any{mail}, "logins": map[string]any{"github": fmt.Sprint("g", i)}, "type": "employee", "start": "2020-01-01"}
			if d >= leaves {
				m["end"] = start.AddDate(0, 0, leaves).Format(time.DateOnly)
			}
			return m
		case "okta.user":
			status := "ACTIVE"
			if d > leaves {
				status = "DEPROVISIONED"
			}
			return map[string]any{"login": mail, "email": mail, "status": status, "created_at": "2020-01-01T00:00:00Z", "active_factors": []any{"push"}}
		}
		return map[string]any{"login": fmt.Sprint("g", i), "role": "member", "two_factor": true}
	}
	kinds := []evidence.Kind{"okta.user", "github.member", "roster.person"}
	return joined{
		runs: func(yield func(evidence.Run) bool) {
			for d := range days {
				for i, st := range []string{"okta/okta.user/acme", "github/github.member/acme", "roster/roster.person/p.csv"} {
					if !yield(daily(d, st, i, nil)) {
						return
					}
				}
			}
		},
		records: func(ref evidence.Ref) iter.Seq2[evidence.Record, error] {
			return func(yield func(evidence.Record, error) bool) {
				for i := range people {
					id := fmt.Sprintf("%06d", i)
					k := kinds[ref.Count]
					if !yield(evidence.Record{Kind: k, ID: id, Name: id, Attributes: attributes(k, i, int(ref.Size))}, nil) {
						return
					}
				}
			}
		},
	}
}

// BenchmarkChanges is a year of 100,000 merges, see changes.
func BenchmarkChanges(b *testing.B) {
	const days, perDay = 365, 274
	judge(b, changes(days, perDay), days, "change.commit.merged", days*perDay)
}

// changes is a log of merges, the same commits from the repository itself, and
// their tickets.
func changes(days, perDay int) joined {
	at := func(d, i int) time.Time {
		return start.Add(time.Duration(d)*result.Day - 12*time.Hour + time.Duration(i)*time.Minute)
	}
	record := func(ref evidence.Ref, i int) (r evidence.Record) {
		d := int(ref.Size)
		n := d*perDay + i
		r.ID, r.Name, r.Attributes = fmt.Sprintf("%08d", n), "m", map[string]any{}
		when := at(d, i)
		text, sha := when.Format(time.RFC3339), fmt.Sprintf("%040x", n)
		switch ref.Count {
		case 0:
			r.Kind, r.Effective = "github.pull_request", &when
			r.Attributes = map[string]any{"repository": fmt.Sprint("acme/r", n%100), "number": int64(n), "base_is_default": true, "merge_sha": sha, "merged_at": text,
				"author": "ann", "tickets": []any{fmt.Sprint("A-", i)}, "approvals": []any{map[string]any{"reviewer": "bob", "commit_id": sha, "covers_head": true, "can_push": true}}, "head_sha": sha,
				"base": "main", "landed": []any{sha}, "contributors": []any{"ann"}, "reviews": []any{}, "labels": []any{}, "linked_issues": []any{},
				"checks": []any{map[string]any{"name": "t", "conclusion": "success"}}}
		case 1:
			r.Kind, r.Effective = "git.commit", &when
			r.Attributes = map[string]any{"sha": sha, "repository": "/r", "origin": fmt.Sprint("h/acme/r", n%100), "branch": "main", "committed_at": text}
		case 2:
			r.Kind, r.ID = "jira.issue", fmt.Sprintf("%06d", i)
			r.Attributes = map[string]any{"key": fmt.Sprint("A-", i), "project": "A", "status": "Done", "created_at": "2020-01-01T00:00:00Z", "changes": []any{}}
		case 3:
			r.Kind, r.ID, r.Attributes = "github.repository", fmt.Sprintf("%06d", i), map[string]any{"full_name": fmt.Sprint("acme/r", i)}
		case 5:
			r.Kind, r.ID, r.Attributes = "roster.person", fmt.Sprintf("%06d", i), map[string]any{"type": "employee", "logins": map[string]any{"github": []string{"ann", "bob"}[i%2] + strings.Repeat("x", i/2)}}
		case 6:
			r.Kind, r.ID, r.Attributes = "github.branch", fmt.Sprintf("%06d", i), map[string]any{"repository": fmt.Sprint("acme/r", i), "branch": "main", "required_status_checks": []any{"t"}}
		case 4:
			r.Kind, r.ID, r.Attributes = "git.repository", fmt.Sprintf("%06d", i), map[string]any{"path": fmt.Sprint("/r", i), "origin": fmt.Sprint("h/acme/r", i)}
		}
		return r
	}
	return joined{
		runs: func(yield func(evidence.Run) bool) {
			for d := range days {
				w := &evidence.Window{From: start.Add(time.Duration(d-1)*result.Day + 6*time.Hour), To: start.Add(time.Duration(d)*result.Day + 6*time.Hour)}
				if d == 0 {
					w.From = start.AddDate(0, 0, -1)
				}
				for i, st := range []string{"github/github.pull_request/acme", "git/git.commit//r", "jira/jira.issue/acme", "github/github.repository/acme", "git/git.repository/h", "roster/roster.person/p.csv", "github/github.branch/acme"} {
					if i > 1 {
						w = nil
					}
					if !yield(daily(d, st, i, w)) {
						return
					}
				}
			}
		},
		records: func(ref evidence.Ref) iter.Seq2[evidence.Record, error] {
			return func(yield func(evidence.Record, error) bool) {
				for i := range perDay {
					if !yield(record(ref, i), nil) {
						return
					}
				}
			}
		},
	}
}

// judge evaluates a year, and reports what the engine holds at its end.
func judge(b *testing.B, log joined, days int, test string, population int) {
	cat := testCatalogue(b, nil)
	for b.Loop() {
		e := NewEngine(cat, result.Period{From: start, To: start.AddDate(0, 0, days)})
		for run := range log.runs {
			if err := e.Observe(run, decoded(log.records(*run.Records))); err != nil {
				b.Fatal(err)
			}
		}
		res := e.Result(start.AddDate(0, 0, days))
		b.StopTimer()
		if t := testOf(b, res, test); t.Population < population*99/100 {
			b.Fatalf("population %d, want %d: %+v", t.Population, population, t)
		}
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapAlloc)/1e6, "live-MB")
		runtime.KeepAlive(e)
		b.StartTimer()
	}
}
