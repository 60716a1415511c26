package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// caller speaks to one host, and to no other.
type caller struct {
	http *http.Client
	base *url.URL
	head map[string]string
}

var errElsewhere = errors.New("the answer leads elsewhere, and is not followed")

// newCaller makes a caller of the host of address.
func newCaller(address string, head map[string]string) (*caller, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errors.New("its address is no URL") // which may be a secret
	}
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, DisableKeepAlives: true,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: 20 * time.Second}
	return &caller{&http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return errElsewhere }}, u, head}, nil
}

// maxReply bounds what is read of an answer, in bytes.
const maxReply = 1 << 20

// do sends v as JSON, or nothing if it is nil, and reads the answer into out, if
// that is not nil. An error shows the host and the status, and nothing of what was sent.
func (c *caller) do(ctx context.Context, method, path string, head map[string]string, v, out any) error {
	var body []byte
	if v != nil {
		var err error
		if body, err = json.Marshal(v); err != nil {
			return err
		}
	}
	return c.send(ctx, method, path, head, body, out)
}

func (c *caller) send(ctx context.Context, method, path string, head map[string]string, body []byte, out any) error {
	to := c.base
	if path != "" {
		to = c.base.JoinPath()
		ref, err := url.Parse(path)
		if err != nil {
			return err
		}
		to = to.JoinPath(ref.Path)
		to.RawQuery = ref.RawQuery
	}
	req, err := http.NewRequestWithContext(ctx, method, to.String(), bytes.NewReader(body))
	if err != nil {
		return errors.New("its address is no URL")
	}
	for _, h := range []map[string]string{{"Content-Type": "application/json", "User-Agent": "evidenced"}, c.head, head} {
		for k, v := range h {
			req.Header.Set(k, v)
		}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var ue *url.Error // it shows the address, and a webhook's is a secret
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return fmt.Errorf("%s: %w", c.base.Host, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxReply))
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return fmt.Errorf("%s answered %d%s", c.base.Host, resp.StatusCode, remedy(resp.StatusCode))
	case err != nil:
		return fmt.Errorf("%s: %w", c.base.Host, err)
	case out != nil:
		if err := json.Unmarshal(b, out); err != nil {
			return fmt.Errorf("%s answered with no JSON that is understood", c.base.Host)
		}
	}
	return nil
}

func remedy(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return ": its credential is wrong or may not do this"
	case http.StatusNotFound, http.StatusGone:
		return ": there is nothing at that address; is the webhook, project or repository still there?"
	case http.StatusTooManyRequests:
		return ": too often"
	}
	return ""
}
