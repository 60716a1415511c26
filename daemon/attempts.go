package daemon

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/schedule"
)

// AttemptsSuffix is appended to the name of the store for the file of attempts.
const AttemptsSuffix = ".attempts"

// maxAttempts bounds the file, in bytes.
const maxAttempts = 16 << 20

// attempts is a file of what is being read: a line "+ stream" for each reading that
// begins and "- stream" for each that ended. It outlives the process, not the machine,
// and so needs no syncing: what matters is a source that kills the process.
type attempts struct {
	mu     sync.Mutex
	file   *os.File
	died   map[string]int // readings that an earlier process began and never ended
	active map[string]bool
}

var _ schedule.Attempts = (*attempts)(nil)

// openAttempts reads what an earlier process has left. Of a file that cannot be
// understood, the rest is left out: it is a precaution, and no evidence.
func openAttempts(path string) (*attempts, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("note what is being read: %w", err)
	}
	a := &attempts{file: f, died: map[string]int{}, active: map[string]bool{}}
	lines := bufio.NewScanner(io.LimitReader(f, maxAttempts))
	for lines.Scan() {
		what, stream, _ := strings.Cut(lines.Text(), " ")
		switch what {
		case "+":
			a.died[stream]++
		case "-":
			delete(a.died, stream)
		}
	}
	if err := a.rewrite(); err != nil {
		return nil, errors.Join(fmt.Errorf("note what is being read: %w", err), f.Close())
	}
	return a, nil
}

// rewrite makes the file hold nothing but what has not ended. It is called with mu held.
func (a *attempts) rewrite() error {
	var text strings.Builder
	for stream, n := range a.died {
		text.WriteString(strings.Repeat("+ "+stream+"\n", n))
	}
	if err := a.file.Truncate(0); err != nil {
		return err
	}
	_, err := a.file.WriteString(text.String())
	return err
}

// Begin implements schedule.Attempts.
func (a *attempts) Begin(st evidence.Stream) (died int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	stream := fmt.Sprintf("%q", st.String())
	a.active[stream] = true
	_, err = fmt.Fprintf(a.file, "+ %s\n", stream)
	return a.died[stream], err
}

// End implements schedule.Attempts.
func (a *attempts) End(st evidence.Stream) {
	a.mu.Lock()
	defer a.mu.Unlock()
	stream := fmt.Sprintf("%q", st.String())
	delete(a.active, stream)
	delete(a.died, stream)
	if len(a.active) == 0 && a.rewrite() == nil {
		return
	}
	_, _ = fmt.Fprintf(a.file, "- %s\n", stream) // at worst, a slot is given up that need not be
}

// Close closes the file. What is still being read has not ended by its own fault.
func (a *attempts) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.rewrite(), a.file.Close())
}
