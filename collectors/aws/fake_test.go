package aws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

const (
	secretKey    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYplanted"
	sessionToken = "FwoGZXIvYXdzEplantedSessionToken=="
	roleKey      = "roleSecretAccessKeyPlanted0123456789"
	own          = "111122223333"
	other        = "444455556666"
)

// reply is one answer of the fake AWS.
type reply struct {
	status int
	body   string
	header map[string]string
}

func ok(body string) reply { return reply{status: 200, body: body} }

// The error answers of the protocols, as AWS writes them.
func queryError(status int, code string) reply {
	return reply{status: status, body: fmt.Sprintf(`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>%s</Code><Message>no</Message></Error><RequestId>4b1c</RequestId></ErrorResponse>`, code)}
}

func ec2Error(status int, code string) reply {
	return reply{status: status, body: fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors><RequestID>4b1c</RequestID></Response>`, code)}
}

func jsonError(status int, code string) reply {
	return reply{status: status, body: fmt.Sprintf(`{"__type":%q,"Message":"no"}`, code)}
}

func s3Error(status int, code string) reply {
	return reply{status: status, body: fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>no</Message><RequestId>4b1c</RequestId><HostId>x</HostId></Error>`, code)}
}

func identityOf(account, who string) reply {
	return ok(fmt.Sprintf(`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:sts::%s:%s</Arn><UserId>AIDA</UserId><Account>%s</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`, account, who, account))
}

const regionsXML = `<?xml version="1.0" encoding="UTF-8"?><DescribeRegionsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r2</requestId><regionInfo>` +
	`<item><regionName>us-east-1</regionName><regionEndpoint>ec2.us-east-1.amazonaws.com</regionEndpoint><optInStatus>opt-in-not-required</optInStatus></item>` +
	`<item><regionName>eu-west-1</regionName><regionEndpoint>ec2.eu-west-1.amazonaws.com</regionEndpoint><optInStatus>opt-in-not-required</optInStatus></item></regionInfo></DescribeRegionsResponse>`

// base answers who asks, and which regions there are.
func base() map[string][]reply {
	return map[string][]reply{"sts:GetCallerIdentity": {identityOf(own, "user/auditor")}, "ec2:DescribeRegions": {ok(regionsXML)}}
}

func with(more map[string][]reply) map[string][]reply {
	all := base()
	maps.Copy(all, more)
	return all
}

// fake answers by operation; "operation key-id", "operation region", "operation
// bucket" and "operation ARN" go before the operation alone. Several replies are given one
// after the other, the last again and again.
type fake struct {
	mu      sync.Mutex
	replies map[string][]reply
	asked   map[string]int
	forms   []string
	forgets bool // forms are not kept
	// trouble, if any, answers in place of the fake, or not at all.
	trouble func(w http.ResponseWriter, r *http.Request, op, account, region string) (answered bool)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	op := identify(r, body)
	keys := []string{op}
	if account, region := placeOf(r); f.trouble != nil && f.trouble(w, r, op, account, region) {
		return
	}
	if m := signature().FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		scope := strings.Split(strings.TrimPrefix(m[0], "AWS4-HMAC-SHA256 Credential="), "/")
		keys = append(keys, op+" "+scope[0], op+" "+scope[2])
	}
	if strings.HasPrefix(op, "s3:") {
		keys = append(keys, op+" "+strings.Trim(r.URL.Path, "/")+r.URL.Query().Get("continuation-token"))
	}
	var named struct{ Name, NextToken string }
	if json.Unmarshal(body, &named) == nil {
		keys = append(keys, op+" "+named.Name+named.NextToken)
	}
	if _, after, found := strings.Cut(string(body), `"AttributeValue":"`); found {
		value, _, _ := strings.Cut(after, `"`)
		keys = append(keys, op+" "+value)
	}
	if strings.Contains(string(body), "=AWSManagedPolicy") {
		keys = append(keys, op+" AWSManagedPolicy")
	}
	a := f.reply(keys, string(body))
	a.body = placed(a.body, r)
	if w.Header().Get("Date") == "" {
		w.Header().Set("Date", "Wed, 01 Jul 2026 06:00:00 GMT")
	}
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// placed puts the place that was asked into an answer.
func placed(answer string, r *http.Request) string {
	account, region := placeOf(r)
	return strings.NewReplacer("REGION", region, "ACCOUNT", account).Replace(answer)
}

// placeOf reads from the signature where a request is asked.
func placeOf(r *http.Request) (account, region string) {
	m := laneOf().FindStringSubmatch(r.Header.Get("Authorization"))
	if m == nil {
		return own, ""
	}
	account = own
	if id, role := strings.CutPrefix(m[1], "ASIA"); id == "ROLE" {
		account = other
	} else if role {
		account = id
	}
	region, _, _ = strings.Cut(m[2], "/")
	return account, region
}

func (f *fake) reply(keys []string, form string) reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.forgets {
		f.forms = append(f.forms, form)
	}
	for i := len(keys) - 1; i >= 0; i-- {
		if rs := f.replies[keys[i]]; len(rs) > 0 {
			n := f.asked[keys[i]]
			f.asked[keys[i]]++
			return rs[min(n, len(rs)-1)]
		}
	}
	return reply{status: 404, body: "<html>no such thing</html>"}
}

// environment returns the SDK a credential and nothing else of this machine.
func environment(t *testing.T) {
	t.Helper()
	for k, v := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDPLANTED", "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_SESSION_TOKEN": sessionToken, "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/nonexistent", "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CA_BUNDLE": "", "AWS_ENDPOINT_URL": "", "AWS_REGION": "ap-south-1",
	} {
		t.Setenv(k, v)
	}
}

// rig is a source in front of the fake.
type rig struct {
	*transport.Source
	fake  *fake
	slept time.Duration
}

func newRig(t *testing.T, replies map[string][]reply, change ...func(*Config)) *rig {
	t.Helper()
	environment(t)
	r := &rig{fake: &fake{replies: replies, asked: map[string]int{}}}
	srv := httptest.NewServer(r.fake)
	t.Cleanup(srv.Close)
	cfg := newConfig()
	cfg.Common.Endpoint = srv.URL
	for _, f := range change {
		f(cfg)
	}
	var err error
	r.Source, err = transport.Open(Spec(), cfg, transport.Options{
		Now: func() time.Time { return time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC) },
		Sleep: func(ctx context.Context, d time.Duration) error {
			r.slept += d
			return ctx.Err()
		},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) capture(t *testing.T, scope evidence.Scope, kind evidence.Kind) transport.Snapshot {
	t.Helper()
	s := r.Visit(t.Context(), scope).Capture(t.Context(), kind, evidence.Window{})
	for _, x := range s.Exchanges {
		b, err := evidence.Canonical(x)
		for _, secret := range []string{secretKey, sessionToken, roleKey, base64.StdEncoding.EncodeToString([]byte(secretKey))} {
			if err != nil || strings.Contains(string(b), secret) {
				t.Errorf("%q is in an exchange, or %v: %s", secret, err, b)
			}
		}
	}
	return s
}

func capture(t *testing.T, replies map[string][]reply, kind evidence.Kind) transport.Snapshot {
	t.Helper()
	return newRig(t, with(replies)).capture(t, own, kind)
}

// expect compares records and scopes in one readable form.
func expect(t *testing.T, s transport.Snapshot, complete bool, want string) {
	t.Helper()
	if (s.Err == nil) != complete || s.Certificate.Complete != complete {
		t.Errorf("complete %v, error %v; want %v", s.Certificate.Complete, s.Err, complete)
	}
	var b strings.Builder
	for _, r := range s.Records {
		line, err := evidence.Canonical(r.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s [%s] %s\n", r.ID, r.Name, r.Scope, line)
	}
	for _, sc := range s.Certificate.Scopes {
		fmt.Fprintf(&b, "%s %s", sc.Scope, sc.Status)
		if sc.Reason != nil {
			fmt.Fprintf(&b, " %s", sc.Reason.Class)
		}
		b.WriteByte('\n')
	}
	if got := strings.TrimSpace(b.String()); got != strings.TrimSpace(want) {
		t.Errorf("got\n%s\nwant\n%s", got, strings.TrimSpace(want))
	}
}
