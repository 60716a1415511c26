package transport

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

func TestMeasure(t *testing.T) {
	for text, want := range map[string][2]int{
		"": {0, 0}, "[]": {1, 1}, `{"a":[1,2,{"b":"x,[{"}]}`: {5, 3}, `["\\\"",1]`: {2, 1},
		"\ufeff [1,2]": {2, 1}, "<a><b/></a>": {3, 0}, "x,y\n1,2\n": {4, 0}, `[1][2,3]`: {3, 1}, `{"open`: {1, 1}, "]]]][": {0, 0},
	} {
		values, depth := measure([]byte(text))
		if values != want[0] || depth != want[1] {
			t.Errorf("%q: %d values, %d deep; want %v", text, values, depth, want)
		}
	}
}

func FuzzMeasure(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x\"",{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if values, depth := measure(b); values < 0 || values > len(b) || depth < 0 || depth > len(b) {
			t.Errorf("%d values, %d deep, of %d bytes", values, depth, len(b))
		}
	})
}

// TestAnswersOverBudget: what a source sends to use up memory is refused by its budget's
// name, and is not kept: neither the slot nor what reads the log afterwards decodes it.
func TestAnswersOverBudget(t *testing.T) {
	bomb := func(text string, n int) func(io.Writer) {
		return func(w io.Writer) {
			for range n {
				_, _ = io.WriteString(w, text)
			}
		}
	}
	for name, c := range map[string]struct {
		body func(io.Writer)
		says string
	}{
		"values": {func(w io.Writer) {
			_, _ = io.WriteString(w, "[")
			bomb("0,", maxValues+1)(w)
			_, _ = io.WriteString(w, "0]")
		}, "values"},
		"objects": {func(w io.Writer) {
			_, _ = io.WriteString(w, "[")
			bomb("{},", maxValues)(w)
			_, _ = io.WriteString(w, "0]")
		}, "values"},
		"depth":    {bomb("[", maxDepth+1), "deep"},
		"tags":     {bomb("<a/>", maxValues+1), "values"},
		"cells":    {func(w io.Writer) { _, _ = io.WriteString(w, "id\n"); bomb(",", maxValues+1)(w) }, "values"},
		"in bytes": {bomb(strings.Repeat("x", 1<<20), 10), "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				var packed bytes.Buffer
				z := gzip.NewWriter(&packed)
				c.body(z)
				_ = z.Close()
				_, _ = w.Write(packed.Bytes())
			}, func(_ *testConfig, o *Options) { o.MaxBody = 9 << 20 })
			_, xs, err := r.ask(t.Context(), "GET", r.url+"/things")
			if !errors.Is(err, collectors.ErrIncomplete) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want the budget of %s", err, c.says)
			}
			if len(xs) != 1 || len(xs[0].Body)+len(xs[0].Binary) > 0 {
				t.Errorf("%d exchanges, the first with %d bytes", len(xs), len(xs[0].Body))
			}
		})
	}
}

// TestCaptureOverBudget: pages without an end are asked for until the budget of the
// collection is used up, and no longer.
func TestCaptureOverBudget(t *testing.T) {
	asked := 0
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, `["`+strings.Repeat("x", 1000)+`"]`)
	}, func(_ *testConfig, o *Options) { o.MaxCapture = 3000 })
	rec := &recorder{}
	for range 10 {
		req, err := http.NewRequestWithContext(withRecorder(t.Context(), rec), "GET", r.url+"/things", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := r.gateway.client().Do(req)
		if err == nil {
			_ = resp.Body.Close()
			continue
		}
		if !errors.Is(err, collectors.ErrIncomplete) || !strings.Contains(err.Error(), "together") {
			t.Fatal(err)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times", asked)
	}
}

// TestLongHeaders: a header of an unreasonable length is no evidence.
func TestLongHeaders(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", strings.Repeat("a", 900<<10))
		w.Header().Set("Etag", `"short"`)
		_, _ = io.WriteString(w, "[]")
	})
	_, xs, err := r.ask(t.Context(), "GET", r.url+"/things")
	if err != nil || len(xs) != 1 || xs[0].RequestID != "" || xs[0].Header["Etag"] != `"short"` {
		t.Errorf("%v: request id of %d bytes, headers %v", err, len(xs[0].RequestID), len(xs[0].Header))
	}
}
