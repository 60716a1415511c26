package serve

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/evidenced/evidenced/api"
)

// frame is one line of a streamed answer. Exactly one member is set; Answer or
// Error comes last.
type frame struct {
	Progress *api.Progress   `json:"progress,omitempty"`
	Data     []byte          `json:"data,omitempty"`
	Answer   json.RawMessage `json:"answer,omitempty"`
	Error    *failure        `json:"error,omitempty"`
}

// failure is the JSON of an error.
type failure struct {
	Text string   `json:"error"`
	Code api.Code `json:"code"`
}

// stream writes frames as they come. A client that does not take one in time is
// gone: the operation that it asked for ends, since others may wait for it. The
// error stays, and nothing more is written.
type stream struct {
	mu   sync.Mutex
	w    http.ResponseWriter
	gone context.CancelFunc
	err  error
}

// frameTimeout is how long a client may take for one frame.
const frameTimeout = 30 * time.Second

func (s *stream) send(f frame) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	if s.err = s.write(f); s.err != nil {
		s.gone()
	}
	return s.err
}

func (s *stream) write(f frame) error {
	c := http.NewResponseController(s.w)
	if err := c.SetWriteDeadline(time.Now().Add(frameTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if err := json.NewEncoder(s.w).Encode(f); err != nil {
		return err
	}
	return c.Flush()
}

func (s *stream) progress(p api.Progress) { _ = s.send(frame{Progress: &p}) } // a client that is gone ends the operation

// Write implements io.Writer: what is written are frames of data.
func (s *stream) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	return len(b), s.send(frame{Data: b})
}

// finish writes the last frame.
func (s *stream) finish(answer any, err error) {
	f := frame{}
	if err == nil {
		f.Answer, err = json.Marshal(answer)
	}
	if err != nil {
		f = frame{Error: &failure{err.Error(), api.CodeOf(err)}}
	}
	_ = s.send(f) // there is nobody else to tell
}

var errCut = errors.New("the daemon ended before the operation did; the log says how far it came")

// readFrames hands on what comes, up to the answer.
func readFrames(from io.Reader, data io.Writer, progress api.ProgressFunc, answer any) error {
	for d := json.NewDecoder(from); ; {
		var f frame
		if err := d.Decode(&f); err != nil {
			return errCut
		}
		switch {
		case f.Error != nil:
			return f.Error.err()
		case f.Answer != nil:
			return json.Unmarshal(f.Answer, answer)
		case f.Progress != nil && progress != nil:
			progress(*f.Progress)
		case f.Data != nil && data != nil:
			if _, err := data.Write(f.Data); err != nil {
				return err
			}
		}
	}
}

func (f *failure) err() error { return &api.Error{Code: f.Code, Err: errors.New(f.Text)} }
