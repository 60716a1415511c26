package api

import "github.com/evidenced/evidenced/evidence"

// Actor is who asks. It is established by the door through which a request
// comes, and never taken from the request.
type Actor = evidence.Actor

// Write is part of every request that writes to the log.
type Write struct {
	Actor Actor `json:"-"`
}

// SetActor says who asks.
func (w *Write) SetActor(a Actor) { w.Actor = a }

// Writes is implemented by the requests that write.
type Writes interface{ SetActor(Actor) }

// Progress tells how far a long operation is, in units of its own.
type Progress struct {
	Name  string `json:"name"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// ProgressFunc is called as an operation goes on, by one goroutine at a time. It
// must return soon; nil where nobody listens.
type ProgressFunc func(Progress)

// Set calls f, if there is one.
func (f ProgressFunc) Set(name string, done, total int64) {
	if f != nil {
		f(Progress{name, done, total})
	}
}
