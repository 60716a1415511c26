package transport

import (
	"bytes"
	"compress/flate"
	"container/list"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// answers keeps what a source answered, with the validator that it gave, so that
// it can be asked whether that still holds. It is bounded, and in memory: what
// is in it was not redacted. An answer is that to one credential.
type answers struct {
	limit int

	mu    sync.Mutex
	size  int
	byKey map[answerKey]*list.Element
	order *list.List // of *kept, last used first
}

type answerKey [sha256.Size]byte

// kept is one answer.
type kept struct {
	key      answerKey
	tag      string
	header   http.Header
	packed   []byte
	body     evidence.Hash
	received time.Time
}

// maxAnswers bounds what is kept, packed, in bytes.
const maxAnswers = 32 << 20

func newAnswers(limit int) *answers {
	return &answers{limit: limit, byKey: map[answerKey]*list.Element{}, order: list.New()}
}

// keyOfAnswer tells requests apart that may be answered differently.
func keyOfAnswer(r *http.Request) answerKey {
	return sha256.Sum256([]byte(strings.Join([]string{r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Accept")}, "\x00")))
}

func (a *answers) get(r *http.Request) *kept {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.byKey[keyOfAnswer(r)]
	if e == nil {
		return nil
	}
	a.order.MoveToFront(e)
	return e.Value.(*kept)
}

// put keeps a whole answer that has a validator. What is no JSON is not kept: an
// answer that something on the way has spoilt may carry the validator of the right
// one, and would be asked for no more.
func (a *answers) put(r *http.Request, resp *http.Response, body []byte, now time.Time) {
	k := &kept{key: keyOfAnswer(r), tag: resp.Header.Get("Etag"), header: resp.Header.Clone(), body: evidence.HashOf(body), received: now}
	k.packed = pack(body)
	a.mu.Lock()
	defer a.mu.Unlock()
	if e := a.byKey[k.key]; e != nil {
		a.drop(e)
	}
	if k.tag == "" || len(k.packed) > a.limit/4 || !json.Valid(body) || mayGrow(r, resp, body) {
		return
	}
	a.byKey[k.key] = a.order.PushFront(k)
	for a.size += len(k.packed); a.size > a.limit; {
		a.drop(a.order.Back())
	}
}

// mayGrow reports the last page of a listing where that is full: what is added
// stands on a page after it, so that it is unmodified, and "not modified" need not
// come with the Link that names the new one (RFC 9110, 15.4.5).
func mayGrow(r *http.Request, resp *http.Response, body []byte) bool {
	var page []json.RawMessage
	if slices.ContainsFunc(resp.Header.Values("Link"), func(v string) bool { _, ok := collectors.NextLink(v); return ok }) || json.Unmarshal(body, &page) != nil {
		return false
	}
	size, err := strconv.Atoi(r.URL.Query().Get("per_page"))
	return len(page) > 0 && (err != nil || len(page) >= size)
}

func (a *answers) drop(e *list.Element) {
	k := a.order.Remove(e).(*kept)
	delete(a.byKey, k.key)
	a.size -= len(k.packed)
}

func pack(body []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // the level is valid, and a buffer takes all
	}
	return bytes.Clone(b.Bytes())
}

// whole gives the answer that a source said still holds, with the headers of
// today where they tell of today.
func (k *kept) whole(resp *http.Response) (*http.Response, []byte, error) {
	body, err := io.ReadAll(flate.NewReader(bytes.NewReader(k.packed)))
	if err != nil || evidence.HashOf(body) != k.body {
		return nil, nil, collectors.Incomplete("the answer that was kept is damaged")
	}
	again := *resp
	again.StatusCode, again.Status, again.ContentLength = http.StatusOK, http.StatusText(http.StatusOK), int64(len(body))
	again.Header = k.header.Clone()
	for name, v := range resp.Header {
		if !strings.HasPrefix(name, "Content-") && name != "Transfer-Encoding" {
			again.Header[name] = v
		}
	}
	return &again, body, nil
}

// conditional reports whether an answer to the question may be asked for anew
// by its validator.
func (d *gateway) conditional(q *admittedRequest) bool {
	return d.answers != nil && q.req.Method == http.MethodGet && q.req.Header.Get("If-None-Match") == ""
}

// revalidated turns "not modified" into the answer that was not modified, and
// keeps one that came whole.
func (d *gateway) revalidated(q *admittedRequest, before *kept, a answer) answer {
	switch {
	case a.err != nil || !d.conditional(q):
	case a.resp.StatusCode == http.StatusOK && d.redact.holds(a):
		// Kept for longer than its secret is known, it would show that.
	case a.resp.StatusCode == http.StatusOK:
		d.answers.put(q.req, a.resp, a.body, d.opt.Now())
	case a.resp.StatusCode == http.StatusNotModified && before != nil:
		if tag := a.resp.Header.Get("Etag"); tag != "" && weak(tag) != weak(before.tag) {
			a.err = collectors.Incomplete("not modified is said of another answer: asked for %s, told of %s", before.tag, tag)
			return a
		}
		a.unmodified = &evidence.Unmodified{Since: before.received.UTC()} // the hash is that of what is stored
		a.resp, a.body, a.err = before.whole(a.resp)
	}
	return a
}

// weak gives a validator without the mark that it is a weak one: If-None-Match compares so.
func weak(tag string) string { return strings.TrimPrefix(tag, "W/") }
