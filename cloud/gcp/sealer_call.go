package gcp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"time"
)

// checksum is a CRC32C as the REST API writes it: a 64-bit integer, as text.
type checksum uint32

func sum(b []byte) checksum {
	return checksum(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}

// MarshalJSON implements json.Marshaler.
func (c checksum) MarshalJSON() ([]byte, error) {
	return []byte(strconv.Quote(strconv.FormatUint(uint64(c), 10))), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *checksum) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("checksum: %w", err)
	}
	n, err := strconv.ParseUint(text, 10, 32)
	*c = checksum(n)
	return err
}

const (
	// maxAnswer bounds an answer, in bytes: a secret has at most 64 KiB, and comes in base64.
	maxAnswer = 256 << 10
	attempts  = 3
)

// call asks one of the two methods of the key, again if the service is in trouble.
func (s *Sealer) call(ctx context.Context, method string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return s.wrong("%s: %v", method, err)
	}
	for n, pause := 1, s.pause; ; n, pause = n+1, 2*pause {
		status, answer, err := s.ask(ctx, method, body)
		switch {
		case err == nil && status == http.StatusOK:
			return s.decode(method, answer, out)
		case n == attempts || err == nil && !transient(status) || ctx.Err() != nil || errors.Is(err, errToken):
			return s.explain(method, status, answer, err)
		}
		if err := wait(ctx, pause); err != nil {
			return s.explain(method, status, answer, err)
		}
	}
}

// transient reports a status after which a repetition is of use.
func transient(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

var errToken = errors.New("no token for Google Cloud")

func (s *Sealer) ask(ctx context.Context, method string, body []byte) (status int, answer []byte, err error) {
	token, err := s.token(ctx)
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", errToken, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint+"/v1/"+s.key+":"+method, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = fmt.Errorf("an answer of more than %d bytes", maxAnswer)
	}
	return resp.StatusCode, answer, err
}

func (s *Sealer) decode(method string, answer []byte, out any) error {
	if json.Unmarshal(answer, out) != nil { // its error could quote the key
		return s.wrong("%s: what answers does not speak as Cloud KMS; see the endpoint", method)
	}
	return nil
}
