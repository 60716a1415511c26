package aws

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/schedule"
	"github.com/evidenced/evidenced/store"
)

// organizationOf is an organisation of many accounts and regions, with one of
// everything in each, that answers after a while.
type organizationOf struct {
	*fake
	accounts, regions int
	after             time.Duration

	mu    sync.Mutex
	asked map[uint64]int // by the hash of request, place and page
}

var dated = regexp.MustCompile(`"(Start|End)Time":[0-9.]+|by[A-Z][a-zA-Z]+=[^&]*`)

func (o *organizationOf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(o.after)
	body, _ := io.ReadAll(r.Body)
	op, at := identify(r, body), laneOf().FindStringSubmatch(r.Header.Get("Authorization"))
	h := fnv.New64a()
	fmt.Fprintln(h, op, at[1:], r.URL.Path, r.URL.RawQuery, dated.ReplaceAllString(string(body), ""))
	o.mu.Lock()
	o.asked[h.Sum64()]++
	o.mu.Unlock()
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("X-Amzn-Requestid", "r")
	account, _ := strings.CutPrefix(at[1], "ASIA")
	if account == at[1] {
		account = own
	}
	switch op {
	case "organizations:ListAccounts":
		_, _ = io.WriteString(w, o.listAccounts())
	case "ec2:DescribeRegions":
		_, _ = io.WriteString(w, o.describeRegions())
	case "sts:AssumeRole":
		id := regexp.MustCompile(`iam%3A%3A([0-9]{12})`).FindStringSubmatch(string(body))[1]
		_, _ = io.WriteString(w, strings.ReplaceAll(assumed, "ASIAROLE", "ASIA"+id))
	case "sts:GetCallerIdentity":
		_, _ = io.WriteString(w, identityOf(account, "assumed-role/Reader/evidenced").body)
	case "iam:GetCredentialReport": // AWS makes one of the last hours
		report := o.fake.reply([]string{op}, "").body
		_, _ = io.WriteString(w, strings.Replace(report, "2026-07-01T04:00:00Z", time.Now().UTC().Truncate(time.Hour).Format(time.RFC3339), 1))
	case "sso:ListInstances":
		_, _ = io.WriteString(w, o.listInstances(account, at[2]))
	default:
		r.Body = io.NopCloser(bytes.NewReader(body))
		o.fake.ServeHTTP(w, r)
	}
}

// listInstances: Identity Center is in one region of one account.
func (o *organizationOf) listInstances(account, where string) string {
	if account != own || !strings.HasPrefix(where, "us-east-1/") {
		return `{"Instances":[]}`
	}
	return `{"Instances":[{"InstanceArn":"arn:aws:sso:::instance/ssoins-1","IdentityStoreId":"d-1","OwnerAccountId":"` + own + `","Status":"ACTIVE"}]}`
}

func (o *organizationOf) listAccounts() string {
	list := []string{`{"Id":"` + own + `","State":"ACTIVE"}`}
	for i := 1; i < o.accounts; i++ {
		list = append(list, fmt.Sprintf(`{"Id":"%012d","State":"ACTIVE"}`, 200000000000+i))
	}
	return `{"Accounts":[` + strings.Join(list, ",") + `]}`
}

func (o *organizationOf) describeRegions() string {
	var items string
	for i := range o.regions {
		name := []string{"us-east-1", "eu-west-1"}[min(i, 1)]
		if i > 1 {
			name = fmt.Sprintf("eu-west-%d", i)
		}
		items += "<item><regionName>" + name + "</regionName><optInStatus>opt-in-not-required</optInStatus></item>"
	}
	return `<DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><regionInfo>` + items + `</regionInfo></DescribeRegionsResponse>`
}

// BenchmarkOrganization collects everything once from 50 accounts in 17
// regions, at 50 ms a request, into a store. "again" are requests that were made
// before in the same collection; "of the bound" is the time it took against
// requests x latency / what may be asked at a time.
func BenchmarkOrganization(b *testing.B) {
	o := &organizationOf{fake: wholeOrganization(b), accounts: 50, regions: 17, after: 50 * time.Millisecond, asked: map[uint64]int{}}
	o.forgets = true
	o.replies["cloudtrail:DescribeTrails"] = js(`{"trailList":[]}`) // of the regions that no other answer is for
	if testing.Short() {
		o.accounts, o.regions = 4, 3
	}
	srv := httptest.NewServer(o)
	defer srv.Close()
	b.Setenv("AWS_ACCESS_KEY_ID", "AKIDPLANTED")
	b.Setenv("AWS_SECRET_ACCESS_KEY", secretKey)
	b.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	b.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	cfg := newConfig()
	cfg.Common.Endpoint, cfg.Accounts, cfg.RoleName = srv.URL, Choice{Word: organization}, "Reader"
	now := time.Now().UTC()
	cfg.Common.Schedule = fmt.Sprintf("%d %d * * *", now.Minute(), now.Hour())
	src, err := transport.Open(Spec(), cfg, transport.Options{Base: &http.Transport{MaxIdleConnsPerHost: 256}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	key, err := store.NewKey("bench", nil)
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(filepath.Join(b.TempDir(), "e.db"), store.Options{Key: key})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		clear(o.asked)
		o.collect(b, src, s)
	}
}

// allowed is how many requests the door lets be under way.
const allowed = 64

func (o *organizationOf) collect(b *testing.B, src *transport.Source, s *store.Store) {
	r, err := schedule.New([]*transport.Source{src}, s, s, schedule.Options{})
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	stop := make(chan struct{})
	peak := watchHeap(stop)
	runs, err := r.Now(b.Context())
	took := time.Since(began)
	close(stop)
	if err != nil {
		b.Fatal(err)
	}
	complete := 0
	for _, run := range runs {
		if run.Outcome != evidence.Collected && run.Outcome != evidence.Late {
			b.Log(run.Stream, run.Outcome, run.Reason)
		} else {
			complete++
		}
	}
	total := 0
	for _, n := range o.asked {
		total += n
	}
	b.ReportMetric(float64(len(runs)), "slots")
	b.ReportMetric(float64(complete), "complete")
	b.ReportMetric(float64(total), "requests")
	b.ReportMetric(float64(total)/float64(len(o.asked)), "again")
	b.ReportMetric(took.Seconds()/(float64(total)*o.after.Seconds()/allowed), "of-the-bound")
	b.ReportMetric(float64(<-peak)/1e6, "heap-MB")
}

// watchHeap returns the largest heap that was seen until stop.
func watchHeap(stop chan struct{}) chan uint64 {
	out := make(chan uint64, 1)
	go func() {
		most := uint64(0)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				out <- most
				return
			case <-tick.C:
			}
		}
	}()
	return out
}
