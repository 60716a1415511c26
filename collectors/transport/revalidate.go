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

// answerCache keeps what a source answered, with the validator that it gave, so that
// it can be asked whether that still holds. It is bounded, and in memory: what
// is in it was not redacted. An answer is that to one credential.
type answerCache struct {
	limit int

	mu    sync.Mutex
	size  int
	byKey map[answerKey]*list.Element
	order *list.List // of *kept, last used first
}

type answerKey [sha256.Size]byte

// cachedAnswer is one answer.
type cachedAnswer struct {
	key      answerKey
	tag      string
	header   http.Header
	packed   []byte
	body     evidence.Hash
	received time.Time
}

// maxCachedBytes bounds what is kept, packed, in bytes.
const maxCachedBytes = 32 << 20

func newAnswerCache(limit int) *answerCache {
	return &answerCache{limit: limit, byKey: map[answerKey]*list.Element{}, order: list.New()}
}

// keyOfAnswer differs for requests that may be answered differently.
func keyOfAnswer(r *http.Request) answerKey {
	return sha256.Sum256([]byte(strings.Join([]string{r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Accept")}, "\x00")))
}

func (a *answerCache) get(r *http.Request) *cachedAnswer {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.byKey[keyOfAnswer(r)]
	if e == nil {
		return nil
	}
	a.order.MoveToFront(e)
	return e.Value.(*cachedAnswer)
}

// put keeps a whole answer that has a validator. What is no JSON is not kept: an
// answer that something on the way has spoilt may carry the validator of the right
// one, and would be asked for no more.
func (a *answerCache) put(r *http.Request, resp *http.Response, body []byte, now time.Time) {
	k := &cachedAnswer{key: keyOfAnswer(r), tag: resp.Header.Get("Etag"), header: resp.Header.Clone(), body: evidence.HashOf(body), received: now}
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

func (a *answerCache) drop(e *list.Element) {
	k := a.order.Remove(e).(*cachedAnswer)
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

// response returns the answer that a source confirmed, with the headers of
// today where they describe today.
func (k *cachedAnswer) response(resp *http.Response) (*http.Response, []byte, error) {
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
func (g *gateway) conditional(q *admittedRequest) bool {
	return g.answers != nil && q.req.Method == http.MethodGet && q.req.Header.Get("If-None-Match") == ""
}

// revalidated turns "not modified" into the answer that was not modified, and
// keeps one that came whole.
func (g *gateway) revalidated(q *admittedRequest, before *cachedAnswer, a answer) answer {
	switch {
	case a.err != nil || !g.conditional(q):
	case a.resp.StatusCode == http.StatusOK && g.redact.findsSecretIn(a):
		// Kept for longer than its secret is known, it would show that.
	case a.resp.StatusCode == http.StatusOK:
		g.answers.put(q.req, a.resp, a.body, g.opt.Now())
	case a.resp.StatusCode == http.StatusNotModified && before != nil:
		if tag := a.resp.Header.Get("Etag"); tag != "" && opaqueTag(tag) != opaqueTag(before.tag) {
			a.err = collectors.Incomplete("not modified is said of another answer: asked for %s, told of %s", before.tag, tag)
			return a
		}
		a.unmodified = &evidence.Unmodified{Since: before.received.UTC()} // the hash is that of what is stored
		a.resp, a.body, a.err = before.response(a.resp)
	}
	return a
}

// opaqueTag returns a validator without the mark that it is a weak one: If-None-Match compares so.
func opaqueTag(tag string) string { return strings.TrimPrefix(tag, "W/") }
