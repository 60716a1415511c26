package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxPath is the longest path of a socket on Linux, in bytes; others allow less, and say so.
const maxPath = 107

// ErrServed: another daemon answers at the socket.
var ErrServed = errors.New("another daemon answers there")

// Listen makes the socket at path, for the owner of the process alone. A socket
// that a dead process left behind is replaced; one that answers, or a file that
// is no socket, is not.
func Listen(path string) (net.Listener, error) {
	if len(path) > maxPath {
		return nil, fmt.Errorf("socket %s: longer than %d bytes, which is all that a socket may have: set serve.socket to a shorter path", path, maxPath)
	}
	if err := clear(path); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("socket %s: %w", path, err)
	}
	before := syscall.Umask(0o177) // the mode is right from the first moment on
	l, err := net.Listen("unix", path)
	syscall.Umask(before)
	if err != nil {
		return nil, fmt.Errorf("socket: %w", err)
	}
	return l, nil
}

// clear takes a socket away that nobody listens at.
func clear(path string) error {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case fi.Mode().Type() != os.ModeSocket:
		return errors.New("there is a file that is no socket: move it away, or set serve.socket")
	}
	c, err := dial(context.Background(), path)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("%w: stop it, or set serve.socket", ErrServed)
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", path)
}
