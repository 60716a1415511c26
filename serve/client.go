package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/ops"
)

// Client asks a daemon over its socket.
type Client struct {
	http   *http.Client
	config string
}

var _ ops.Service = (*Client)(nil)

// Dial finds the daemon that listens at path; nil if there is none. One of
// another user is asked only if the file store is theirs, or if they are root.
// config is the absolute path of the configuration that the caller means.
func Dial(ctx context.Context, path, store, config string) (*Client, error) {
	c, err := ask(ctx, path, store)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EINVAL):
		return nil, nil // there is none, or one that is gone, or none there can be
	case err != nil:
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	_ = c.Close()
	return &Client{&http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return ask(ctx, path, store) }}}, config}, nil
}

// do sends a request; the answer is read by read.
func (c *Client) do(ctx context.Context, pattern string, req any, read func(io.Reader) error) error {
	method, path, _ := strings.Cut(pattern, " ")
	values := fields(reflect.ValueOf(req).Elem())
	for name, f := range values {
		if strings.Contains(path, "{"+name+"}") {
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(textOf(f)))
			delete(values, name)
		}
	}
	var body io.Reader
	if method == http.MethodGet {
		path += "?" + queryOf(values)
	} else {
		b, err := json.Marshal(req)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	return c.send(ctx, method, path, "application/json", body, read)
}

func (c *Client) send(ctx context.Context, method, path, contentType string, body io.Reader, read func(io.Reader) error) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://daemon"+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", contentType)
	r.Header.Set(ConfigHeader, c.config)
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("ask the daemon: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		return read(resp.Body)
	}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what there is of it
	var f failure
	if json.Unmarshal(b, &f) == nil && f.Text != "" {
		return f.err()
	}
	return fmt.Errorf("the daemon answered %s: %s", resp.Status, bytes.TrimSpace(b))
}

// queryOf returns the members that are set as a query.
func queryOf(values map[string]reflect.Value) string {
	q := url.Values{}
	for name, f := range values {
		switch {
		case f.Kind() == reflect.Slice:
			for i := range f.Len() {
				q.Add(name, textOf(f.Index(i)))
			}
		case !f.IsZero():
			q.Set(name, textOf(f))
		}
	}
	return q.Encode()
}

func textOf(f reflect.Value) string {
	switch v := f.Interface().(type) {
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case uint64:
		return strconv.FormatUint(v, 10)
	}
	return fmt.Sprint(f.Interface())
}

// plainly asks for an operation that answers with one document.
func plainly[Answer, Request any](ctx context.Context, c *Client, pattern string, req Request) (*Answer, error) {
	answer := new(Answer)
	err := c.do(ctx, pattern, &req, func(r io.Reader) error { return json.NewDecoder(r).Decode(answer) })
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// inFrames asks for an operation that answers in frames.
func inFrames[Answer, Request any](ctx context.Context, c *Client, pattern string, req Request, data io.Writer, progress api.ProgressFunc) (*Answer, error) {
	answer := new(Answer)
	err := c.do(ctx, pattern, &req, func(r io.Reader) error { return readFrames(r, data, progress, answer) })
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// AddEvidence implements ops.Service.
func (c *Client) AddEvidence(ctx context.Context, req api.AddEvidenceRequest, files []api.File) (*api.AddedEvidence, error) {
	read, write := io.Pipe()
	w := multipart.NewWriter(write)
	written := make(chan error, 1)
	go func() {
		err := multipartBody(req, files, w)
		_ = write.CloseWithError(err) // it never fails
		written <- err
	}()
	answer := new(api.AddedEvidence)
	method, path, _ := strings.Cut(pathUpload, " ")
	err := c.send(ctx, method, path, w.FormDataContentType(), read, func(r io.Reader) error { return json.NewDecoder(r).Decode(answer) })
	_ = read.Close() // what is not wanted any more is not written either
	if wrote := <-written; err != nil && wrote != nil && !errors.Is(wrote, io.ErrClosedPipe) {
		return nil, wrote // it is the cause
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}
