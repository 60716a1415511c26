package ops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"

	"github.com/evidenced/evidenced/gap"
)

// State keeps what follows from the beginning of a log, so that each command need
// not read the log whole. It vouches for what it returns: the log's key has signed
// it, and it is of this log. It is a cache: without it every answer is the same, and
// what goes out of the house (bundles, letters of a past period) never rests on it.
type State interface {
	// LoadState returns what was kept of the first size entries; nil for nothing.
	LoadState() (size uint64, state []byte)
	// SaveState replaces it by what write writes. Where there is no key to sign it,
	// it is an error, and nothing is asked of write.
	SaveState(size uint64, write func(io.Writer) error) error
}

// keepEvery is after how many entries the state is kept anew.
const keepEvery = 256

// builtAs names the program that computed a state: another build may judge otherwise.
func builtAs() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	fi, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s %d %d", Version(), fi.Size(), fi.ModTime().UnixNano())
}

// stateHeader is the first line of a state; the snapshot of the engine follows.
type stateHeader struct {
	Program string `json:"program"`
	notes
}

// restore goes on from the kept state. One of another program, catalogue, period or
// set of sources is none.
func (j *Judge) restore() {
	program := builtAs()
	if j.state == nil || program == "" {
		return
	}
	size, state := j.state.LoadState()
	line, snapshot, ok := bytes.Cut(state, []byte("\n"))
	if !ok {
		return
	}
	var h stateHeader
	if json.Unmarshal(line, &h) != nil || h.Program != program || h.Past == nil || h.Declared == nil {
		return
	}
	roots := rootKinds(j.config)
	engine, _, err := gap.Restore(bytes.NewReader(snapshot), j.catalogue, periodOf(j.config), gap.WithRoots(roots))
	if err != nil || !maps.Equal(roots, h.Past.RootKinds) {
		return
	}
	j.engine, j.seen, j.kept, j.notes = engine, size, size, h.notes
}

// keep saves the state, if it has seen so many entries more than the kept one. A
// state that cannot be kept, as by who only reads, costs the next command time.
func (j *Judge) keep(after uint64) {
	program := builtAs()
	if j.state == nil || program == "" || j.supposed || j.seen < j.kept+after {
		return
	}
	err := j.state.SaveState(j.seen, func(w io.Writer) error {
		if err := json.NewEncoder(w).Encode(stateHeader{program, j.notes}); err != nil {
			return err
		}
		return j.engine.Snapshot(w, nil)
	})
	if err == nil {
		j.kept = j.seen
	}
}

// Keep saves what the judge knows of the log, for whoever asks next.
func (j *Judge) Keep() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.engine != nil {
		j.keep(1)
	}
}
