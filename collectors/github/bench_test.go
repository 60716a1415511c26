package github

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/simulator/graphql"
)

const benchRepos = 1000

// benchMerges is how many merges BenchmarkPopulation has; fewer with -short.
func benchMerges() int {
	if testing.Short() {
		return 10_000 // each repository has one at least
	}
	return 100_000
}

// bigOrg is an organisation whose merges of a year are made when they are asked
// for. A few repositories have most of them, and many have next to none.
type bigOrg struct {
	from, to time.Time
	counts   [benchRepos]int
}

func newBigOrg() *bigOrg {
	o := &bigOrg{to: start, from: start.AddDate(-1, 0, 0)}
	left, weights := benchMerges(), 0.0
	for i := range o.counts {
		weights += math.Pow(float64(i+1), -0.9)
	}
	for i := range o.counts {
		o.counts[i] = int(float64(benchMerges()) * math.Pow(float64(i+1), -0.9) / weights)
		left -= o.counts[i]
	}
	o.counts[0] += left
	return o
}

// at is when the merge k of a repository was made.
func (o *bigOrg) at(repo, k int) string {
	year := o.to.Sub(o.from)
	step := year / time.Duration(o.counts[repo])
	return o.from.Add(step*time.Duration(k) + step/benchRepos*time.Duration(repo)).Truncate(time.Second).Format(time.RFC3339)
}

func (o *bigOrg) pull(repo, k int) object {
	p := thePull(k+1, o.at(repo, k), o.at(repo, k))
	head := fmt.Sprintf("%040x", repo*1_000_000+k)
	p["id"], p["fullDatabaseId"] = fmt.Sprintf("PR_%d_%d", repo, k), fmt.Sprint(1_000_000_000+repo*100_000+k)
	p["title"], p["body"] = fmt.Sprintf("OPS-%d Make the thing do what it should", k), strings.Repeat("What is changed, and why it is. ", 20)
	p["headRefOid"] = head
	n := 1 + k%4
	if k%40 == 0 {
		n = 25 // more than come at once
	}
	p["commits"] = graphql.Listed(many(n, func(i int) object {
		if i == n-1 {
			return theCommit(head, "ann")
		}
		return theCommit(fmt.Sprintf("%040x", i), "ann", "bob")
	}))
	p["reviews"] = graphql.Listed(many(2, func(i int) object {
		return object{"id": fmt.Sprint("R", i), "state": "APPROVED", "author": user("cat"), "authorCanPushToRepository": true, "commit": object{"oid": head}, "submittedAt": o.at(repo, k)}
	}))
	p["checks"] = many(4, func(i int) object {
		return object{"__typename": "CheckRun", "name": fmt.Sprint("check ", i), "conclusion": "SUCCESS", "completedAt": o.at(repo, k)}
	})
	return aliased(p)
}

func (o *bigOrg) node(id any) any {
	var repo, k int
	if n, err := fmt.Sscanf(id.(string), "PR_%d_%d", &repo, &k); n == 2 && err == nil {
		return o.pull(repo, k)
	}
	repo, err := strconv.Atoi(strings.TrimPrefix(id.(string), "R_"))
	if err != nil {
		return graphql.Error{Type: "NOT_FOUND"}
	}
	n := o.counts[repo]
	return object{"__typename": "Repository", "databaseId": repo + 1, "pullRequests": graphql.Connection{N: n, At: func(i int) object {
		at := o.at(repo, n-1-i)
		return object{"__typename": "PullRequest", "id": fmt.Sprintf("PR_%d_%d", repo, n-1-i), "mergedAt": at, "updatedAt": at}
	}}}
}

func (o *bigOrg) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == "/graphql" {
		o.post(w, r)
		return
	}
	switch r.URL.Path {
	case "/user":
		fmt.Fprint(w, `{"login":"auditor"}`)
	case "/orgs/acme":
		fmt.Fprintf(w, `{"id":1,"login":"acme","public_repos":0,"total_private_repos":%d}`, benchRepos)
	case "/orgs/acme/repos":
		page := max(1, atoi(r.URL.Query().Get("page")))
		if page*100 < benchRepos {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s/orgs/acme/repos?page=%d>; rel="next"`, r.Host, page+1))
		}
		var all []string
		for i := (page - 1) * 100; i < page*100; i++ {
			all = append(all, fmt.Sprintf(`{"id":%d,"node_id":"R_%d","full_name":"acme/r%04d","default_branch":"main","visibility":"private","archived":false}`, i+1, i, i))
		}
		fmt.Fprintf(w, "[%s]", strings.Join(all, ","))
	}
}

func atoi(s string) int { n, _ := strconv.Atoi(s); return n } // "" is 0

// post answers a query.
func (o *bigOrg) post(w http.ResponseWriter, r *http.Request) {
	var q graphql.Request
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		panic(err)
	}
	nodes := func(args map[string]any) any {
		out := []any{}
		for _, id := range args["ids"].([]any) {
			out = append(out, o.node(id))
		}
		return out
	}
	a := graphql.Schema{Types: graphTypes, Query: object{"nodes": graphql.Resolver(nodes), "node": graphql.Resolver(func(args map[string]any) any { return o.node(args["id"]) })}}.Do(q)
	if err := json.NewEncoder(w).Encode(a); err != nil {
		panic(err)
	}
}

// TestServeBigOrg is the server of BenchmarkPopulation, in a process of its own,
// so that the memory is that of the collector. It ends with its input.
func TestServeBigOrg(t *testing.T) {
	if os.Getenv("EVIDENCED_BIG_ORG") == "" {
		return // not the server
	}
	srv := httptest.NewServer(newBigOrg())
	defer srv.Close()
	fmt.Println("address", srv.URL)
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
}

// bigServer starts it and gives its address.
func bigServer(b *testing.B) string {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestServeBigOrg$", fmt.Sprintf("-test.short=%t", testing.Short()))
	cmd.Env = append(os.Environ(), "EVIDENCED_BIG_ORG=1")
	input, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	present, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = input.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(present)
	for lines.Scan() {
		if address, ok := strings.CutPrefix(lines.Text(), "address "); ok {
			return address
		}
	}
	b.Fatal("the server does not say where it is")
	return ""
}

// cost is what was asked.
type cost struct{ rest, graph, points int }

// add counts the requests of a snapshot, and their points: GitHub's own sum, by
// 100, of how many requests would fill each connection.
func (c *cost) add(b *testing.B, xs []evidence.Exchange) {
	for _, x := range xs {
		if x.Call != callGraphQL {
			c.rest++
			continue
		}
		c.graph++
		var q graphql.Request
		if err := json.Unmarshal([]byte(x.Request), &q); err != nil {
			b.Fatal(err)
		}
		calls := len(idsOf(q))
		switch q.Operation {
		case opOlder:
			calls = slots
		case opMerged: // ten connections of each, and the authors and parents of each commit
			calls *= 10 + 2*int(q.Variables["commits"].(float64))
		}
		c.points += max(1, (calls+50)/100)
	}
}

// BenchmarkPopulation collects 100,000 merges of a year in 1,000 repositories,
// slot after slot until the end is reached, and then once more where nothing has changed.
func BenchmarkPopulation(b *testing.B) {
	for range b.N {
		cfg := newConfig()
		cfg.Organization, cfg.Token, cfg.Common.Endpoint = "acme", token, bigServer(b)
		src, err := transport.Open(Spec(), cfg, transport.Options{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		peak, stop := watchHeap()
		seen, slot, first := map[string]bool{}, 0, cost{}
		w := evidence.Window{From: start.AddDate(-1, 0, 0), To: start}
		for ; w.From.Before(start.Add(-time.Hour)); slot++ {
			s := src.Visit(b.Context(), "acme").Capture(b.Context(), kindPullRequest, w)
			if s.Err != nil {
				b.Fatal(s.Err)
			}
			for _, r := range s.Records {
				seen[r.ID] = true
			}
			first.add(b, s.Exchanges)
			w.From = s.Certificate.Window.To.Add(-time.Hour)
		}
		stop()
		w.From = start.Add(-time.Second)
		s := src.Visit(b.Context(), "acme").Capture(b.Context(), kindPullRequest, w)
		if s.Err != nil || len(s.Records) > 0 || len(seen) != benchMerges() {
			b.Fatalf("error %v, %d records in a second of nothing; %d merges of %d", s.Err, len(s.Records), len(seen), benchMerges())
		}
		var again cost
		again.add(b, s.Exchanges)
		all, all2 := float64(first.rest+first.graph), float64(again.rest+again.graph)
		b.ReportMetric(float64(slot), "slots")
		b.ReportMetric(all*1000/float64(benchMerges()), "requests/1000")
		b.ReportMetric(float64(first.points)*1000/float64(benchMerges()), "points/1000")
		b.ReportMetric(all2, "requests-again")
		b.ReportMetric(100*all2/all, "%again")
		b.ReportMetric(100*float64(again.points)/float64(first.points), "%points-again")
		b.ReportMetric(float64(peak.Load())/1e6, "MB-heap-peak")
	}
}

// watchHeap notes the most that the heap holds, garbage included.
func watchHeap() (*atomic.Uint64, func()) {
	var peak atomic.Uint64
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		var m runtime.MemStats
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapAlloc))
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	return &peak, func() { close(done); <-ended }
}
