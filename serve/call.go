package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Call is a command line that is run in the daemon.
type Call struct {
	// Args are the arguments of the program.
	Args []string `json:"args"`
	// Config is the absolute path of the caller's configuration; empty for the
	// daemon's own, which any other is refused in favour of.
	Config string `json:"config,omitempty"`
	// Folder is where relative paths in Args begin.
	Folder string `json:"folder,omitempty"`

	Stdout   io.Writer      `json:"-"`
	Stderr   io.Writer      `json:"-"`
	Progress func(Progress) `json:"-"`
}

// Progress tells how far a command is.
type Progress struct {
	Name  string `json:"name"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// frame is one line of the answer to a call. Exactly one member is set; the
// exit code comes last.
type frame struct {
	Stdout   []byte    `json:"stdout,omitempty"`
	Stderr   []byte    `json:"stderr,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Exit     *int      `json:"exit,omitempty"`
}

// stream writes frames as they come. Who does not take one in time has gone
// away: what was asked for ends, as it holds what others wait for.
type stream struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	gone context.CancelFunc
}

// frameTime is how long a client may take for one frame.
const frameTime = 30 * time.Second

func (s *stream) send(f frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := http.NewResponseController(s.w)
	err := c.SetWriteDeadline(time.Now().Add(frameTime))
	if err == nil || errors.Is(err, http.ErrNotSupported) {
		err = json.NewEncoder(s.w).Encode(f)
	}
	if err == nil {
		err = c.Flush()
	}
	if err != nil {
		s.gone()
	}
	return err
}

type frameWriter func(b []byte) error

func (f frameWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return len(b), f(b)
}

// run answers a call: what the command prints, how far it is, and its exit code.
func (l *Local) run(w http.ResponseWriter, r *http.Request) {
	var c Call
	if err := decode(r, &c); err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s := &stream{w: w, gone: cancel}
	c.Stdout = frameWriter(func(b []byte) error { return s.send(frame{Stdout: b}) })
	c.Stderr = frameWriter(func(b []byte) error { return s.send(frame{Stderr: b}) })
	c.Progress = func(p Progress) { _ = s.send(frame{Progress: &p}) } // who went away ends the request
	exit := l.Run(ctx, c)
	_ = s.send(frame{Exit: &exit})
}

// maxCall bounds what may be asked, in bytes.
const maxCall = 1 << 20

func decode(r *http.Request, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxCall))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// Runner runs a command line, and gives its exit code.
type Runner func(context.Context, Call) int
