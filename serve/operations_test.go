package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os/user"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/ops"
)

// fake is a Service that keeps the requests, and answers with what it is given.
type fake struct {
	ops.Service
	requests []any
	files    map[string]string
	collect  func(context.Context, api.ProgressFunc) error
	err      error
}

func (f *fake) asked(req any) error {
	f.requests = append(f.requests, req)
	return f.err
}

func (f *fake) Gaps(_ context.Context, req api.GapsRequest) (*api.GapList, error) {
	return &api.GapList{Open: 7}, f.asked(req)
}

func (f *fake) Gap(_ context.Context, req api.GapRequest) (*api.GapDetail, error) {
	return &api.GapDetail{Title: "title"}, f.asked(req)
}

func (f *fake) DecideGap(_ context.Context, req api.DecideRequest) (*api.Decided, error) {
	return &api.Decided{Entry: 9, Decision: req.Decision}, f.asked(req)
}

func (f *fake) DecideReview(_ context.Context, req api.DecideReviewRequest) (*api.ReviewDecided, error) {
	return &api.ReviewDecided{Decided: 1}, f.asked(req)
}

func (f *fake) EvidenceFile(_ context.Context, req api.EvidenceFileRequest, w io.Writer) (*api.FileCopied, error) {
	n, err := io.Copy(w, strings.NewReader(strings.Repeat("\x00\xffab", 100_000)))
	return &api.FileCopied{Bytes: n}, errors.Join(err, f.asked(req))
}

func (f *fake) AddEvidence(_ context.Context, req api.AddEvidenceRequest, files []api.File) (*api.AddedEvidence, error) {
	for _, file := range files {
		r, err := file.Open()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
		f.files[file.Name] = string(b)
	}
	return &api.AddedEvidence{Entry: 3}, f.asked(req)
}

func (f *fake) Collect(ctx context.Context, req api.CollectRequest, progress api.ProgressFunc) (*api.Collected, error) {
	if err := f.asked(req); err != nil {
		return nil, err
	}
	return &api.Collected{Missed: 2, Warnings: []string{"w"}}, f.collect(ctx, progress)
}

// daemonAt serves f on a socket.
func daemonAt(t *testing.T, f *fake) *Client {
	path := socketIn(t)
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := LocalServer((&Local{Reload: func(context.Context) error { return errors.New("no") }, Health: func() Health { return Health{} },
		Service: func(_ context.Context, config string) (ops.Service, error) {
			if config != "/evidenced.yaml" {
				return nil, api.Errorf(api.Usage, "another configuration")
			}
			return f, nil
		}}).Handler(), slog.New(slog.DiscardHandler))
	s.ConnContext = WithPeer
	s.ErrorLog = nil
	go func() { _ = s.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = s.Close() })
	c, err := Dial(t.Context(), path, "", "/evidenced.yaml")
	if err != nil || c == nil {
		t.Fatalf("%v %v", c, err)
	}
	return c
}

// TestOperations: a request comes as it was made, with the user at the other end
// of the socket, and so does the answer.
func TestOperations(t *testing.T) {
	f := &fake{files: map[string]string{}}
	c := daemonAt(t, f)
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	write := api.Write{Actor: api.Actor{User: me.Username, Established: evidence.ByOperatingSystem}}
	asOf := time.Date(2026, 3, 1, 6, 0, 0, 5, time.UTC)

	if got, err := c.Gaps(t.Context(), api.GapsRequest{AsOf: asOf, All: true}); err != nil || got.Open != 7 {
		t.Errorf("%v %v", got, err)
	}
	if got, err := c.Gap(t.Context(), api.GapRequest{ID: "--a/b ?", AsOf: asOf}); err != nil || got.Title != "title" {
		t.Errorf("%v %v", got, err)
	}
	d := evidence.Decision{Verb: evidence.Accept, Gap: "G-1", Reason: "<r>", Approver: "Ann", Until: &asOf}
	if got, err := c.DecideGap(t.Context(), api.DecideRequest{Write: api.Write{Actor: api.Actor{User: "mallory"}}, Decision: d}); err != nil || got.Entry != 9 || !reflect.DeepEqual(got.Decision, d) {
		t.Errorf("%v %v", got, err)
	}
	r := api.DecideReviewRequest{Name: "2026-Q1", By: "ann@acme.example", CSV: []byte("a,b\n"), SheetName: "s.csv"}
	if got, err := c.DecideReview(t.Context(), r); err != nil || got.Decided != 1 {
		t.Errorf("%v %v", got, err)
	}
	var file bytes.Buffer
	if got, err := c.EvidenceFile(t.Context(), api.EvidenceFileRequest{ID: 4, Name: "a b/c.pdf"}, &file); err != nil || got.Bytes != 400_000 || file.Len() != 400_000 {
		t.Errorf("%v %v, %d bytes", got, err, file.Len())
	}
	u := api.AddEvidenceRequest{Upload: evidence.Upload{Title: "t", By: "ann", Duties: []string{"d"}, Effective: asOf, Files: nil}}
	files := []api.File{text("a.txt", "one"), text("b\".txt", strings.Repeat("x", 1<<20))}
	if got, err := c.AddEvidence(t.Context(), u, files); err != nil || got.Entry != 3 {
		t.Errorf("%v %v", got, err)
	}
	if f.files["a.txt"] != "one" || len(f.files["b\".txt"]) != 1<<20 {
		t.Errorf("the files came otherwise: %d", len(f.files))
	}
	r.Write, u.Write = write, write
	want := []any{api.GapsRequest{AsOf: asOf, All: true}, api.GapRequest{ID: "--a/b ?", AsOf: asOf}, api.DecideRequest{Write: write, Decision: d}, r, api.EvidenceFileRequest{ID: 4, Name: "a b/c.pdf"}, u}
	for i := range want {
		if !reflect.DeepEqual(f.requests[i], want[i]) {
			t.Errorf("request %d came as\n%+v, want\n%+v", i, f.requests[i], want[i])
		}
	}
}

func text(name, content string) api.File {
	return api.File{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content)), nil }}
}

// TestErrors: an error keeps its text and its code, in either sort of answer.
func TestErrors(t *testing.T) {
	for _, code := range []api.Code{api.Usage, api.NotFound, api.Conflict, api.Denied, api.Failed} {
		f := &fake{err: api.Errorf(code, "wrong in %s", "this way"), collect: func(context.Context, api.ProgressFunc) error { return nil }}
		c := daemonAt(t, f)
		_, plain := c.Gaps(t.Context(), api.GapsRequest{})
		_, framed := c.Collect(t.Context(), api.CollectRequest{}, nil)
		for _, err := range []error{plain, framed} {
			if err == nil || err.Error() != "wrong in this way" || api.CodeOf(err) != code {
				t.Errorf("%s: %v, %s", code, err, api.CodeOf(err))
			}
		}
	}
	f := &fake{}
	c := daemonAt(t, f)
	c.config = "/other.yaml"
	if _, err := c.Gaps(t.Context(), api.GapsRequest{}); api.CodeOf(err) != api.Usage || len(f.requests) > 0 {
		t.Errorf("another configuration: %v", err)
	}
}

// TestLostClient: a client that goes away in the midst of a collection ends it,
// and panics nowhere; a daemon that dies ends its client.
func TestLostClient(t *testing.T) {
	begun, ended := make(chan struct{}), make(chan error, 1)
	f := &fake{collect: func(ctx context.Context, progress api.ProgressFunc) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic: %v", p)
			}
			ended <- err
		}()
		for n := int64(0); ctx.Err() == nil; n++ {
			progress(api.Progress{Name: strings.Repeat("p", 1000), Done: n, Total: n})
			if n == 10 {
				close(begun)
			}
		}
		for range 100 { // the slot that is under way still tells how far it is
			progress(api.Progress{})
		}
		return ctx.Err()
	}}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-begun; cancel() }()
	if _, err := daemonAt(t, f).Collect(ctx, api.CollectRequest{}, func(api.Progress) {}); err == nil {
		t.Fatal("it ended well")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("the collection ended with %v", err)
	}
	f = &fake{collect: func(_ context.Context, progress api.ProgressFunc) error {
		progress(api.Progress{})
		panic(http.ErrAbortHandler)
	}}
	if _, err := daemonAt(t, f).Collect(t.Context(), api.CollectRequest{}, nil); !errors.Is(err, errCut) {
		t.Fatal(err)
	}
}

// TestProgress: what a collection tells comes in order.
func TestProgress(t *testing.T) {
	f := &fake{collect: func(_ context.Context, progress api.ProgressFunc) error {
		for n := range int64(5) {
			progress(api.Progress{Name: "collecting", Done: n, Total: 5})
		}
		return nil
	}}
	var seen []int64
	got, err := daemonAt(t, f).Collect(t.Context(), api.CollectRequest{Sources: []string{"aws"}}, func(p api.Progress) { seen = append(seen, p.Done) })
	if err != nil || got.Missed != 2 || got.Warnings[0] != "w" || !slices.Equal(seen, []int64{0, 1, 2, 3, 4}) {
		t.Fatalf("%+v %v %v", got, err, seen)
	}
}

// TestBadRequests: what makes no sense is refused before anything is done.
func TestBadRequests(t *testing.T) {
	f := &fake{files: map[string]string{}}
	c := daemonAt(t, f)
	for _, r := range []struct{ method, path, kind, body string }{
		{"GET", "/v1/gaps?as_of=never", "", ""}, {"GET", "/v1/gaps?all=perhaps", "", ""}, {"GET", "/v1/gaps?nothing=1", "", ""}, {"GET", "/v1/gaps?all=1&all=0", "", ""},
		{"POST", "/v1/decisions", "application/json", `{"verb":"accept","actor":{}}`}, {"POST", "/v1/decisions", "application/json", `{} {}`},
		{"POST", "/v1/decisions", "text/plain", `{}`}, {"POST", "/v1/decisions", "application/json", `[]`},
		{"POST", "/v1/uploads", "application/json", `{}`}, {"POST", "/v1/uploads", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--x--\r\n"},
		{"POST", "/v1/uploads", "multipart/form-data; boundary=x", "--x--\r\n"},
	} {
		err := c.send(t.Context(), r.method, r.path, r.kind, strings.NewReader(r.body), func(io.Reader) error { return nil })
		if api.CodeOf(err) != api.Usage {
			t.Errorf("%s %s %s: %v", r.method, r.path, r.body, err)
		}
	}
	if len(f.requests) > 0 {
		t.Errorf("asked: %v", f.requests)
	}
}
