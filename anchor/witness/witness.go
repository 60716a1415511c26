package witness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	// maxRequest bounds a request: a proof of at most 63 hashes and a checkpoint.
	maxRequest = 64 << 10
	// maxProof is what the protocol allows.
	maxProof = 63
)

// Server signs checkpoints. It is safe for concurrent use.
type Server struct {
	signer note.Signer
	state  *state
	now    func() time.Time
	logs   map[string]*log
}

// log is one log that the witness knows.
type log struct {
	mu   sync.Mutex // held from reading the state until it is written
	keys []note.Verifier
}

// New gives the witness that signs with signer (a cosignature/v1 key), keeps
// what it has signed in a folder, and knows the logs with these verifier keys.
// Keys of the same name are those of one log. Now is nil for time.Now.
func New(signer note.Signer, folder string, keys []string, now func() time.Time) (*Server, error) {
	if now == nil {
		now = time.Now
	}
	st, err := openState(folder)
	if err != nil {
		return nil, err
	}
	s := &Server{signer: signer, state: st, now: now, logs: map[string]*log{}}
	for _, k := range keys {
		v, err := note.NewVerifier(k)
		if err != nil {
			return nil, fmt.Errorf("the key of a log, %.100q: %w", k, err)
		}
		if s.logs[v.Name()] == nil {
			s.logs[v.Name()] = &log{}
		}
		s.logs[v.Name()].keys = append(s.logs[v.Name()].keys, v)
	}
	return s, nil
}

// ServeHTTP implements http.Handler: POST /add-checkpoint, and nothing else.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.URL.Path != "/add-checkpoint" {
		http.Error(w, "this is a tlog-witness: POST to /add-checkpoint", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(w, "POST it", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "the request cannot be read, or is too large", http.StatusBadRequest)
		return
	}
	line, err := s.add(body)
	var no *refusal
	switch {
	case err == nil:
		_, _ = io.WriteString(w, line)
	case errors.As(err, &no) && no.status == http.StatusConflict:
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(no.status)
		_, _ = fmt.Fprintf(w, "%d\n", no.size)
	case errors.As(err, &no):
		http.Error(w, no.why, no.status)
	default:
		http.Error(w, "the witness cannot keep what it signs: see its log", http.StatusInternalServerError)
	}
}

// refusal is a request that is not signed, with the status that the protocol gives it.
type refusal struct {
	status int
	why    string
	size   uint64 // with 409: what was signed last
}

// Error implements error.
func (r *refusal) Error() string { return r.why }

func refuse(status int, why string) error { return &refusal{status: status, why: why} }

// request is what is asked.
type request struct {
	old    uint64
	proof  tlog.TreeProof
	signed []byte
	origin string
	size   uint64
	root   tlog.Hash
	text   string // what is signed
}

// parse reads "old N", the proof, an empty line, and the checkpoint.
func parse(body []byte) (q request, err error) {
	bad := func(why string) (request, error) { return q, refuse(http.StatusBadRequest, why) }
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok {
		return bad("there is no empty line before the checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	size, ok := strings.CutPrefix(lines[0], "old ")
	if q.old, err = number(size); !ok || err != nil {
		return bad("the first line is not \"old\" and a size")
	}
	if len(lines)-1 > maxProof {
		return bad("the proof has too many hashes")
	}
	for _, l := range lines[1:] {
		h, err := tlog.ParseHash(l)
		if err != nil {
			return bad("a line of the proof is no hash")
		}
		q.proof = append(q.proof, h)
	}
	q.signed = signed
	text, _, ok := strings.Cut(string(signed), "\n\n")
	fields := strings.Split(text, "\n")
	if !ok || len(fields) < 3 || fields[0] == "" {
		return bad("the checkpoint is none")
	}
	q.text, q.origin = text+"\n", fields[0]
	if q.size, err = number(fields[1]); err != nil {
		return bad("the size of the checkpoint is no number")
	}
	root, err := base64.StdEncoding.DecodeString(fields[2])
	if err != nil || len(root) != len(q.root) {
		return bad("the root of the checkpoint is no hash")
	}
	copy(q.root[:], root)
	return q, nil
}

// number reads a decimal number that has one form only.
func number(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err == nil && strconv.FormatUint(n, 10) != s {
		err = errors.New("not in its one form")
	}
	return n, err
}

// add checks a request and signs it, once it is on disk that it was.
func (s *Server) add(body []byte) (line string, err error) {
	q, err := parse(body)
	if err != nil {
		return "", err
	}
	l := s.logs[q.origin]
	if l == nil {
		return "", refuse(http.StatusNotFound, "this witness does not know the log")
	}
	if _, err := note.Open(q.signed, note.VerifierList(l.keys...)); err != nil {
		return "", refuse(http.StatusForbidden, "no key of the log that this witness knows has signed the checkpoint")
	}
	if q.old > q.size {
		return "", refuse(http.StatusBadRequest, "the old size is larger than the new one")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	seen, err := s.state.read(q.origin)
	if err != nil {
		return "", err
	}
	if err := continues(q, seen); err != nil {
		return "", err
	}
	if err := s.state.write(q.origin, seenLog{q.size, q.root}); err != nil {
		return "", err
	}
	return s.sign(q.text)
}

// continues checks that a checkpoint continues what was seen.
func continues(q request, seen seenLog) error {
	if q.old != seen.size {
		return &refusal{http.StatusConflict, "another size was signed last", seen.size}
	}
	switch {
	case q.old == 0 && len(q.proof) > 0:
		return refuse(http.StatusUnprocessableEntity, "a first checkpoint needs no proof")
	case q.old == 0 && q.size == 0 && q.root != emptyRoot:
		return refuse(http.StatusUnprocessableEntity, "an empty log has another root")
	case q.old == 0:
		return nil
	case q.old == q.size:
		if q.root != seen.root || len(q.proof) > 0 {
			return &refusal{http.StatusConflict, "another log of this size was signed", seen.size}
		}
		return nil
	}
	if err := tlog.CheckTree(q.proof, int64(q.size), q.root, int64(q.old), seen.root); err != nil {
		return refuse(http.StatusUnprocessableEntity, "the proof does not show that the log continues the one that was signed")
	}
	return nil
}

// emptyRoot is the root of a log without entries: SHA-256 of nothing.
var emptyRoot = tlog.Hash{0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}

// sign gives the signature line.
func (s *Server) sign(text string) (string, error) {
	signed, err := note.Sign(&note.Note{Text: text}, s.signer)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return strings.TrimPrefix(string(signed), text+"\n"), nil
}
