package notify

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/gap/result"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) // a Wednesday

func gapOf(id, test string, state result.State, due time.Time) result.Gap {
	g := result.Gap{ID: id, Kind: result.Deviation, Test: test, Severity: "high", Stream: "aws/aws.iam.user/123456789012", Resource: "alice@example.com", Name: "Alice Example",
		FirstSeen: noon.AddDate(0, 0, -2), State: state}
	if !due.IsZero() {
		g.SLADue = &due
	}
	return g
}

func keys(events []Event) (out []string) {
	for _, e := range events {
		out = append(out, e.Key)
	}
	slices.Sort(out)
	return out
}

func TestWhatIsTold(t *testing.T) {
	res := &result.Result{Gaps: []result.Gap{
		gapOf("G-1", "t", result.Open, noon.AddDate(0, 0, 3)),
		gapOf("G-2", "t", result.Open, noon.Add(23*time.Hour)),
		gapOf("G-3", "t", result.Open, noon),
		gapOf("G-4", "t", result.FixedLate, noon),
		gapOf("G-5", "t", result.Accepted, noon),
		gapOf("G-6", "t", result.Open, time.Time{}),
	}}
	got := keys(Events(res, nil, noon))
	want := []string{"G-1/opened", "G-2/opened", "G-2/sla_near", "G-3/opened", "G-3/sla_past", "G-4/fixed", "G-6/opened"}
	if !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for at, want := range map[time.Time]int{noon: 1, noon.AddDate(0, 0, -2).Add(-5 * time.Hour): 0, noon.AddDate(0, 0, -2).Add(-4 * time.Hour): 1} {
		if got := Week(res, at); len(got) != want || want == 1 && got[0].Key != "digest/2026-W10" {
			t.Errorf("digest at %s: %v", at, got)
		}
	}
}

// recorder is a sender that fails as often as it is told to.
type recorder struct {
	fail int
	got  []Message
}

func (r *recorder) Send(_ context.Context, m Message) error {
	if r.fail--; r.fail >= 0 {
		return errors.New("no route to host")
	}
	r.got = append(r.got, m)
	return nil
}

// TestToldOnce: what was told is not told again, whoever starts anew; who could
// not be reached is told later, with what has come since, and the log shows it.
func TestToldOnce(t *testing.T) {
	var log []Note
	write := func(_ context.Context, n Note) error { log = append(log, n); return nil }
	r := &recorder{fail: 2}
	desk := func() *Desk {
		d := NewDesk("Acme", []Channel{{Name: "r", Severity: "medium", Digest: true, Sender: r}}, write)
		for _, n := range log {
			d.Remember(n)
		}
		return d
	}
	low := gapOf("G-9", "u", result.Open, time.Time{})
	low.Severity = "low"
	res := &result.Result{Gaps: []result.Gap{gapOf("G-1", "t", result.Open, noon.AddDate(0, 0, 9)), gapOf("G-7", "t", result.FixedLate, noon), low}}
	tell := func(d *Desk, at time.Time) []Result { return d.Tell(t.Context(), Events(res, nil, at), at) }

	d := desk()
	if got := tell(d, noon); len(got) != 1 || got[0].Err == nil {
		t.Fatalf("%v", got)
	}
	if got := tell(d, noon.Add(59*time.Second)); got != nil {
		t.Fatalf("tried again too soon: %v", got)
	}
	tell(d, noon.Add(time.Minute))
	res.Gaps = append(res.Gaps, gapOf("G-2", "t", result.Open, time.Time{}))
	if got := tell(d, noon.Add(3*time.Minute)); len(got) != 1 || got[0].Err != nil {
		t.Fatalf("%v", got)
	}
	// What failed is sent as it was, so that who got a part of it knows it again; what is new follows.
	if len(r.got) != 2 || !slices.Equal(r.got[0].Keys, []string{"G-1/opened"}) || !slices.Equal(r.got[1].Keys, []string{"G-2/opened"}) {
		t.Fatalf("%v", r.got)
	}
	if len(log) != 3 || log[0].Event != Failed || log[1].Event != Notified || log[1].Attempts != 3 || log[1].Message != log[0].Message {
		t.Fatalf("the log says %+v", log)
	}
	d = desk()
	if got := tell(d, noon.Add(time.Hour)); got != nil {
		t.Fatalf("told again: %v", got)
	}
	res.Gaps[0].State = result.FixedInSLA
	tell(d, noon.Add(time.Hour))
	if m := r.got[len(r.got)-1]; !slices.Equal(m.Keys, []string{"G-1/fixed"}) || m.Groups[0].Open != 1 {
		t.Fatalf("%+v", m)
	}
}

// TestNotWritten: what was told is told once, also while the log cannot be
// written; it is written down later.
func TestNotWritten(t *testing.T) {
	r := &recorder{}
	full := true
	var log []Note
	d := NewDesk("Acme", []Channel{{Name: "r", Sender: r, Severity: "low"}}, func(_ context.Context, n Note) error {
		if full {
			return errors.New("disk full")
		}
		log = append(log, n)
		return nil
	})
	events := Events(&result.Result{Gaps: []result.Gap{gapOf("G-1", "t", result.Open, time.Time{})}}, nil, noon)
	if got := d.Tell(t.Context(), events, noon); len(got) != 1 || got[0].Err == nil {
		t.Fatalf("%v", got)
	}
	if got := d.Tell(t.Context(), events, noon.Add(time.Minute)); len(got) != 1 || got[0].Err == nil {
		t.Fatalf("the log is still full: %v", got)
	}
	full = false
	d.Tell(t.Context(), events, noon.Add(2*time.Minute))
	if len(r.got) != 1 || len(log) != 1 || log[0].Message != r.got[0].ID {
		t.Fatalf("%+v, the log says %+v", r.got, log)
	}
}

func message() Message {
	res := &result.Result{Gaps: []result.Gap{gapOf("G-3", "t", result.Open, noon), gapOf("G-4", "v", result.FixedLate, noon)}}
	for i := range 9 {
		res.Gaps = append(res.Gaps, gapOf(fmt.Sprintf("G-1%d", i), "u", result.Open, noon.AddDate(0, 0, 9)))
	}
	events := Events(res, map[string]string{"t": "Users have \x1b[31mMFA"}, noon)
	return Compose("Acme", append(events, Troubles(map[string]string{"store": "disk full\nreally"}, noon)...), noon)
}

// TestNobodyIsNamed: no text holds the name of a person or a resource, or what a
// terminal would obey.
func TestNobodyIsNamed(t *testing.T) {
	m := message()
	all := m.Subject() + m.Text()
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"lice", "123456789012", "\x1b"} {
		if strings.Contains(all, never) || strings.Contains(string(b), "lice") {
			t.Errorf("%q in %s %s", never, all, b)
		}
	}
	for _, want := range []string{"1 trouble, 1 gap past its promised time, 10 open gaps, 1 fixed gap", "OVERDUE, high: Users have", "evidenced gaps show G-3", "and 4 more", "FIXED, high: deviation: aws (1, 0 still open)"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
}

// request is one that a double got.
type request struct {
	method, path string
	head         http.Header
	body         map[string]any
	raw          string
}

// double is a server that keeps what it gets.
func double(t *testing.T, answer func(request) (int, string)) (url string, got *[]request) {
	got = new([]request)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		q := request{method: r.Method, path: r.URL.RequestURI(), head: r.Header, raw: string(b)}
		_ = json.Unmarshal(b, &q.body) // a GET has none
		*got = append(*got, q)
		status, text := answer(q)
		w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, got
}

func fine(request) (int, string) { return 200, "{}" }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestSlackAndWebhook(t *testing.T) {
	url, got := double(t, fine)
	if err := must(NewSlack(url+"/services/T0/B0/secret")).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if q := (*got)[0]; q.path != "/services/T0/B0/secret" || !strings.Contains(q.raw, "OVERDUE") || len(q.body["blocks"].([]any)) != 2 {
		t.Fatalf("%+v", q)
	}
	w := must(NewWebhook(url+"/hook?x=1", "key", func() time.Time { return noon }))
	if err := w.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	q := (*got)[1]
	if q.path != "/hook?x=1" || q.head.Get("Idempotency-Key") != message().ID || q.head.Get("Evidenced-Signature") != Sign("key", noon, []byte(q.raw)) || q.body["version"] != 1.0 {
		t.Fatalf("%+v", q)
	}
	// printf '1772625600.{}' | openssl dgst -sha256 -hmac key
	if got := Sign("key", noon, []byte("{}")); got != "t=1772625600,v1=eeb9b5a52642bfa8e53a4cd2a33d65d6f21eda00c82ca362618910e6f61805a1" {
		t.Fatalf("signature %s", got)
	}
}

// TestNoSecretInErrors: an address that is a secret, a key or a token stands in no
// error, and no answer leads elsewhere.
func TestNoSecretInErrors(t *testing.T) {
	for _, status := range []int{301, 307, 400, 401, 404, 429, 500} {
		url, got := double(t, func(request) (int, string) { return status, "s3cret" })
		for name, s := range map[string]Sender{
			"slack": must(NewSlack(url + "/s3cret")), "webhook": must(NewWebhook(url+"/s3cret", "s3cret", time.Now)), "pagerduty": must(NewPagerDuty(url, "s3cret")),
			"github": must(NewGitHub(url, "a/b", "s3cret")), "jira": must(NewJira(url, "a@example.com", "s3cret", "SEC", "Task")),
		} {
			err := s.Send(t.Context(), message())
			if err == nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s on %d: %v", name, status, err)
			}
		}
		if len(*got) != 5 {
			t.Errorf("%d: %d requests", status, len(*got))
		}
	}
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	closed := "http://" + l.Addr().String()
	_ = l.Close()
	if err := must(NewSlack(closed+"/s3cret")).Send(t.Context(), message()); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
	if _, err := NewSlack("s3cret"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
}

func TestPagerDuty(t *testing.T) {
	url, got := double(t, fine)
	if err := must(NewPagerDuty(url+"/v2/enqueue", "key")).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	actions := map[string]string{}
	for _, q := range *got {
		actions[q.body["dedup_key"].(string)] = q.body["event_action"].(string)
	}
	if len(actions) != 4 || actions["evidenced/Acme/deviation v"] != "resolve" || actions["evidenced/Acme/deviation t"] != "trigger" {
		t.Fatalf("%v", actions)
	}
}

// TestIssues: an issue is opened once, although the same message comes twice.
func TestIssues(t *testing.T) {
	var bodies []string
	url, got := double(t, func(q request) (int, string) {
		switch {
		case q.method == "POST":
			bodies = append(bodies, q.raw)
			return 201, "{}"
		case strings.HasPrefix(q.path, "/rest/"):
			for _, b := range bodies {
				if _, jql, _ := strings.Cut(q.path, "labels+%3D+%22"); strings.Contains(b, strings.TrimSuffix(jql, "%22")) {
					return 200, `{"issues":[{"id":"1"}]}`
				}
			}
			return 200, `{"issues":[]}`
		}
		out := []map[string]any{}
		for _, b := range bodies {
			var issue map[string]any
			if err := json.Unmarshal([]byte(b), &issue); err != nil {
				t.Error(err)
			}
			out = append(out, issue)
		}
		b, err := json.Marshal(out)
		if err != nil {
			t.Error(err)
		}
		return 200, string(b)
	})
	for name, s := range map[string]Sender{"github": must(NewGitHub(url, "acme/security", "t")), "jira": must(NewJira(url, "a@example.com", "t", "SEC", "Task"))} {
		bodies = nil
		for range 2 {
			if err := s.Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
		}
		if len(bodies) != 3 { // two groups that opened, and the trouble
			t.Errorf("%s: %d issues: %v", name, len(bodies), bodies)
		}
	}
	if (*got)[0].head.Get("Authorization") == "" {
		t.Error("no credential was sent")
	}
}

// mailServer is a mail server that takes one letter, and speaks what RFC 5321 demands.
func mailServer(t *testing.T, extensions ...string) (address string, letter chan string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	letter = make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		in := bufio.NewReader(c)
		say := func(s string) { _, _ = io.WriteString(c, s+"\r\n") }
		say("220 double")
		var text strings.Builder
		for data := false; ; {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			switch word := strings.ToUpper(strings.Fields(line + " x")[0]); {
			case data && line == ".\r\n":
				letter <- text.String()
				data = false
				say("250 taken")
			case data:
				text.WriteString(line)
			case word == "EHLO":
				for _, e := range extensions {
					say("250-" + e)
				}
				say("250 8BITMIME")
			case word == "DATA":
				data = true
				say("354 go on")
			case word == "QUIT":
				say("221 bye")
				return
			case word == "RCPT" && strings.Contains(line, "nobody"):
				say("550 no such person")
			default:
				text.WriteString(line)
				say("250 fine")
			}
		}
	}()
	return l.Addr().String(), letter
}

func TestMail(t *testing.T) {
	address, letter := mailServer(t)
	m := &Mail{Host: address, From: "evidenced@example.com", To: []string{"a@example.com", "b@example.com"}}
	if err := m.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	got := <-letter
	for _, want := range []string{"RCPT TO:<b@example.com>", "Subject: evidenced: 1 trouble", "Message-ID: <" + message().ID + "@example.com>", "OVERDUE, high", "Auto-Submitted: auto-generated"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	address, _ = mailServer(t)
	m = &Mail{Host: address, From: "evidenced@example.com", To: []string{"nobody@example.com"}}
	if err := m.Send(t.Context(), message()); err == nil || !strings.Contains(err.Error(), "no such person") {
		t.Errorf("%v", err)
	}
	// A server that is not on this machine and offers no TLS gets nothing.
	address, _ = mailServer(t)
	c, err := smtp.NewClient(must(net.Dial("tcp", address)), "mail.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.deliver(c, nil, "mail.example.com", false, message()); !errors.Is(err, errNoTLS) {
		t.Errorf("%v", err)
	}
	// A server that hangs is left after a while.
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.Host = l.Addr().String()
	if err := m.Send(ctx, message()); err == nil {
		t.Error("a server that hangs was waited for")
	}
}

// TestOneRecipientIsRefused: the others get the letter, once, and no address gets
// into the log.
func TestOneRecipientIsRefused(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	got := make(chan string, 9)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				r := bufio.NewReader(c)
				fmt.Fprint(c, "220 x\r\n")
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					switch {
					case strings.Contains(line, "gone@"):
						fmt.Fprint(c, "550 5.1.1 <gone@example.com>: user unknown\r\n")
					case strings.HasPrefix(line, "DATA"):
						got <- "data"
						fmt.Fprint(c, "354 go\r\n")
					default:
						fmt.Fprint(c, "250 ok\r\n")
					}
				}
			}()
		}
	}()
	m := &Mail{Host: l.Addr().String(), From: "e@example.com", To: []string{"here@example.com", "gone@example.com"}}
	var notes []Note
	d := NewDesk("Acme", []Channel{{Name: "smtp", Severity: "low", Sender: m}}, func(_ context.Context, n Note) error { notes = append(notes, n); return nil })
	r := d.Tell(t.Context(), Troubles(map[string]string{"store": "x"}, noon), noon)
	if len(got) != 1 || len(notes) != 1 || notes[0].Event != Notified || len(r) != 1 || r[0].Err == nil || !strings.Contains(r[0].Err.Error(), "recipient 2 of 2") {
		t.Errorf("%v, the log says %+v, letters: %d", r, notes, len(got))
	}
	if text := fmt.Sprint(r[0].Err, notes); strings.Contains(text, "gone@") {
		t.Errorf("an address is told: %s", text)
	}
}
