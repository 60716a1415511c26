package rest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/collectortest"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

var update = flag.Bool("update", false, "write the expected records in testdata/*.txtar anew")

// The run of every case.
var (
	runAt  = time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC)
	window = evidence.Window{From: runAt.Add(-30 * time.Hour), To: runAt.Add(-6 * time.Hour)}
)

// scene is one source for a definition: an archive of
//
//	config.yaml  the configuration; a secret in it is planted, {{key}} is a private key in PEM,
//	             {{service_account}} that of Google
//	headers      what every request but that for a token must carry
//	secrets      more credentials that answers carry
//	http         exchanges: "> METHOD path?query [body]", then "< STATUS" and "< Header: value"
//	             lines where they are not 200 and JSON, then the body
//	want         the records, one a line
type scene struct {
	def       *Definition
	archive   *txtar.Archive
	config    *Config
	headers   []string
	secrets   []string
	exchanges []exchanged

	mu    sync.Mutex
	asked map[int]bool // the exchanges that were asked for
}

type exchanged struct {
	method string
	url    *url.URL
	posted string
	status int
	header map[string]string
	body   string
}

// TestDefinitions holds every definition to the suite of all collectors, and
// its records to those that are expected.
func TestDefinitions(t *testing.T) {
	defs, err := Load(os.DirFS("definitions"), "definitions")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range defs {
		t.Run(d.Name, func(t *testing.T) {
			s := openScene(t, d)
			s.records(t)
			collectortest.Check(t, d.Spec())
			collectortest.Run(t, collectortest.Case{
				Spec: d.Spec(), Config: s.config, Server: s, Now: runAt, Window: window,
				Secrets: s.secrets, Unused: s.unused(), Loop: s.endless(),
			})
		})
	}
}

// file returns the text of one file of the archive.
func (s *scene) file(name string) string {
	for _, f := range s.archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func openScene(t *testing.T, d *Definition) *scene {
	t.Helper()
	ar, err := txtar.ParseFile(filepath.Join("testdata", d.Name+".txtar"))
	if err != nil {
		t.Fatalf("every definition needs a scene, exchanges and the records they give (CONTRIBUTING.md, Add a source): %v", err)
	}
	s := &scene{def: d, archive: ar, config: d.newConfig(), asked: map[int]bool{}}
	text := strings.NewReplacer("{{key}}", strconv.Quote(testKey()), "{{service_account}}", strconv.Quote(testAccount())).Replace(s.file("config.yaml"))
	if err := yaml.UnmarshalWithOptions([]byte(text), s.config, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if err := s.config.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, v := range s.config.secrets {
		if !strings.HasPrefix(v.Reveal(), "-----") && !strings.HasPrefix(v.Reveal(), "{") {
			s.secrets = append(s.secrets, v.Reveal())
		}
	}
	s.secrets = append(s.secrets, strings.Fields(s.file("secrets"))...)
	if s.headers = strings.FieldsFunc(s.file("headers"), func(r rune) bool { return r == '\n' }); len(s.headers) == 0 && len(d.Auth) > 0 {
		t.Fatal("the scene has no headers: the part -- headers -- states what each request must carry, such as Authorization: Bearer planted-token")
	}
	s.exchanges = parseExchanges(t, s.file("http"))
	return s
}

// testKey makes one private key for all cases: what signs is never compared.
var testKey = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
})

// testAccount is the JSON key of a service account.
func testAccount() string {
	b, err := json.Marshal(map[string]string{"type": "service_account", "client_email": "evidenced@acme.iam.gserviceaccount.com", "private_key_id": "k1", "private_key": testKey()})
	if err != nil {
		panic(err)
	}
	return string(b)
}

func parseExchanges(t *testing.T, text string) (out []exchanged) {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "> "):
			out = append(out, parseRequest(t, line[2:]))
		case strings.HasPrefix(line, "< "):
			x := &out[len(out)-1]
			if name, v, ok := strings.Cut(line[2:], ": "); ok {
				x.header[name] = v
			} else if n, err := strconv.Atoi(line[2:]); err == nil {
				x.status = n
			}
		case len(out) > 0:
			out[len(out)-1].body += line + "\n"
		}
	}
	return out
}

func parseRequest(t *testing.T, line string) exchanged {
	t.Helper()
	method, rest, _ := strings.Cut(line, " ")
	address, posted, _ := strings.Cut(rest, " ")
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return exchanged{method: method, url: u, posted: posted, status: 200, header: map[string]string{}}
}

// ServeHTTP answers as the archive says. The vendor's address in an answer is
// that of this server.
func (s *scene) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	for i, x := range s.exchanges {
		if x.method != r.Method || x.url.Path != r.URL.Path || x.url.Query().Encode() != r.URL.Query().Encode() || !samePosted(x.posted, body) {
			continue
		}
		if err := s.signed(r); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintln(w, err)
			return
		}
		s.mu.Lock()
		s.asked[i] = true
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		for name, v := range x.header {
			w.Header().Set(name, s.here(v, r))
		}
		w.WriteHeader(x.status)
		_, _ = io.WriteString(w, s.here(x.body, r))
		return
	}
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "the scene has no %s %s %s", r.Method, r.URL, body)
}

// samePosted compares JSON bodies; a form is not compared, since it is signed.
func samePosted(want string, got []byte) bool {
	var a, b any
	if want == "" {
		return true
	}
	return json.Unmarshal([]byte(want), &a) == nil && json.Unmarshal(got, &b) == nil && cmp.Equal(a, b)
}

func (s *scene) here(text string, r *http.Request) string {
	for _, b := range s.def.bases() {
		text = strings.ReplaceAll(text, b.from(s.config.settings), "http://"+r.Host)
	}
	return text
}

func (s *scene) signed(r *http.Request) error {
	for _, a := range s.def.Auth {
		if a.Token != nil && r.Method == a.Token.Call.method && r.URL.Path == strings.NewReplacer(pairs(s.config.settings)...).Replace(a.Token.Call.path) {
			return nil
		}
	}
	for _, h := range s.headers {
		name, v, _ := strings.Cut(h, ": ")
		if r.Header.Get(name) != v {
			return fmt.Errorf("%s is not %q", name, v)
		}
	}
	return nil
}

func pairs(m map[string]string) (out []string) {
	for k, v := range m {
		out = append(out, "{"+k+"}", v)
	}
	return out
}

// unused are the calls of the ways to sign in that the case does not take.
func (s *scene) unused() (out []string) {
	taken, _ := s.def.choose(s.config)
	for _, a := range s.def.Auth {
		if a != taken && a.Token != nil && (taken == nil || taken.Token == nil || taken.Token.Call.name != a.Token.Call.name) {
			out = append(out, a.Token.Call.name)
		}
	}
	return out
}

// endless answers every page after the first with the first again.
func (s *scene) endless() func(evidence.Exchange, *collectortest.Answer) bool {
	if !s.paged() {
		return nil
	}
	var mu sync.Mutex
	first := map[string]collectortest.Answer{}
	return func(x evidence.Exchange, a *collectortest.Answer) bool {
		mu.Lock()
		defer mu.Unlock()
		u, err := url.Parse(x.URL)
		if err != nil || !s.follows(x) || a.Status != http.StatusOK && len(first) == 0 {
			return false
		}
		was, again := first[u.Path]
		if !again {
			first[u.Path] = *a
			return false
		}
		*a = was
		return true
	}
}

// follows reports whether the exchange is of a listing that has a second page in the scene.
func (s *scene) follows(x evidence.Exchange) bool {
	u, err := url.Parse(x.URL)
	return err == nil && slices.ContainsFunc(s.exchanges, func(e exchanged) bool {
		return e.url.Path == u.Path && e.method == x.Method && s.continues(e, x.Call)
	})
}

// continues reports whether an answer names a next page, by a definition of the call.
func (s *scene) continues(x exchanged, call string) (more bool) {
	var doc any
	if json.Unmarshal([]byte(x.body), &doc) != nil {
		return false
	}
	s.def.eachListing(func(l *listing, _ *kind) {
		if l.Call.name != call || l.Page == nil || len(l.For) > 0 {
			return
		}
		switch l.Page.By {
		case "link":
			more = more || strings.Contains(x.header["Link"], `rel="next"`)
		case "next", "token":
			next, _ := l.Page.At.textOf(context.Background(), doc, nil)
			more = more || next != ""
		default:
			same := slices.DeleteFunc(slices.Clone(s.exchanges), func(e exchanged) bool { return e.url.Path != x.url.Path })
			more = more || len(same) > 1
		}
	})
	return more
}

func (s *scene) paged() bool {
	return slices.ContainsFunc(s.exchanges, func(x exchanged) bool { return s.continues(x, s.callOf(x)) })
}

func (s *scene) callOf(x exchanged) string {
	var patterns collectors.Patterns
	for _, c := range s.def.calls() {
		if err := patterns.Add(c.Name); err != nil {
			panic(err) // the definition was checked
		}
	}
	return patterns.Call(httptest.NewRequest(x.method, x.url.Path, nil))
}

// records compares what is read with what the archive expects.
func (s *scene) records(t *testing.T) {
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	s.config.common.Endpoint = srv.URL
	src, err := transport.Open(s.def.Spec(), s.config, transport.Options{Now: func() time.Time { return runAt }}, nil)
	if err != nil {
		t.Fatal(err)
	}
	visit := src.Visit(t.Context(), src.Collector().RootScope())
	var got bytes.Buffer
	for _, k := range s.def.kinds() {
		w := evidence.Window{}
		if k.Mode == evidence.Event {
			w = window
		}
		snap := visit.Capture(t.Context(), k.Kind, w)
		if snap.Err != nil {
			t.Errorf("%s: %v", k.Kind, snap.Err)
		}
		for _, r := range snap.Records {
			b, err := evidence.Canonical(r)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(append(b, '\n'))
		}
	}
	s.expect(t, got.String())
	for i, x := range s.exchanges {
		if !s.asked[i] && !t.Failed() {
			t.Errorf("the scene has %s %s, which is never asked for", x.method, x.url)
		}
	}
}

func (s *scene) expect(t *testing.T, got string) {
	if !*update {
		if diff := cmp.Diff(s.file("want"), got); diff != "" {
			t.Errorf("records (-want +got):\n%s", diff)
		}
		return
	}
	s.archive.Files = slices.DeleteFunc(s.archive.Files, func(f txtar.File) bool { return f.Name == "want" })
	s.archive.Files = append(s.archive.Files, txtar.File{Name: "want", Data: []byte(got)})
	if err := os.WriteFile(filepath.Join("testdata", s.def.Name+".txtar"), txtar.Format(s.archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// specOf returns the declaration of a definition.
func specOf(t *testing.T, name string) collectors.Spec {
	t.Helper()
	for _, s := range Specs() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no definition %s", name)
	return collectors.Spec{}
}
