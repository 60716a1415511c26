package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Client talks to a daemon over its socket.
type Client struct{ http *http.Client }

// Dial finds the daemon that listens at path; nil if there is none. One of
// another user is asked only if the file store is theirs, or if they are root.
func Dial(ctx context.Context, path, store string) (*Client, error) {
	c, err := ask(ctx, path, store)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EINVAL):
		return nil, nil // there is none, or one that is gone, or none there can be
	case err != nil:
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	_ = c.Close()
	return &Client{&http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return ask(ctx, path, store) }}}}, nil
}

// Run runs a command line in the daemon and gives its exit code.
func (c *Client) Run(ctx context.Context, call Call) (exit int, err error) {
	body, err := json.Marshal(call)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://daemon/v1/run", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the daemon: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 4096)) // what there is of it
		return 0, fmt.Errorf("the daemon answered %s: %s", resp.Status, bytes.TrimSpace(b))
	}
	return call.read(resp.Body)
}

var errCut = errors.New("the daemon ended before the command did; the log says how far it came")

// read hands on what comes, up to the exit code.
func (c Call) read(from io.Reader) (int, error) {
	for d := json.NewDecoder(from); ; {
		var f frame
		if err := d.Decode(&f); err != nil {
			return 0, errCut
		}
		var err error
		switch {
		case f.Exit != nil:
			return *f.Exit, nil
		case f.Progress != nil:
			c.Progress(*f.Progress)
		case f.Stdout != nil:
			_, err = c.Stdout.Write(f.Stdout)
		default:
			_, err = c.Stderr.Write(f.Stderr)
		}
		if err != nil {
			return 0, err
		}
	}
}
