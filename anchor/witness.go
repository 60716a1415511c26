package anchor

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	cosign "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/evidenced/evidenced/evidence"
)

// Witness is a server that speaks the C2SP tlog-witness protocol: it signs a
// checkpoint only if it continues the one that it signed before.
// https://c2sp.org/tlog-witness, https://c2sp.org/tlog-cosignature.
type Witness struct {
	name, url string
	key       note.Verifier
	log       Log
	client    *http.Client
}

// maxAnswer bounds what a witness may answer.
const maxAnswer = 64 << 10

// NewWitness gives the witness at url, whose cosignatures must be of that
// verifier key. Log proves to it that it continues.
func NewWitness(name, url, vkey string, log Log) (*Witness, error) {
	key, err := cosign.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		return nil, fmt.Errorf("anchor %s: the key of the witness: %w", name, err)
	}
	return &Witness{name, strings.TrimSuffix(url, "/"), key, log, &http.Client{Timeout: 30 * time.Second}}, nil
}

// Type implements Place.
func (w *Witness) Type() evidence.AnchorType { return evidence.AnchorWitness }

// Name implements Place.
func (w *Witness) Name() string { return w.name }

// To implements Place.
func (w *Witness) To() string { return w.url }

// Show asks for a cosignature, and checks it. Its receipt is the signature line.
func (w *Witness) Show(ctx context.Context, cp Checkpoint) (Receipt, error) {
	older := uint64(0)
	for range 3 { // the witness says what it has seen, and that may change meanwhile
		answer, has, err := w.ask(ctx, older, cp)
		if err != nil {
			return Receipt{}, err
		}
		if answer != nil {
			return w.receipt(answer, cp)
		}
		if has == older {
			return Receipt{}, fmt.Errorf("the witness has seen another log of %d entries and this name: %w", has, ErrFork)
		}
		if has > cp.Size {
			return Receipt{}, fmt.Errorf("the witness has seen a log of %d entries, this one has %d: it was cut, or an older copy was restored", has, cp.Size)
		}
		older = has
	}
	return Receipt{}, errors.New("the witness changes its mind on what it has seen")
}

// ask sends one request. It gives the answer, or the size that the witness has
// seen instead.
func (w *Witness) ask(ctx context.Context, older uint64, cp Checkpoint) (answer []byte, has uint64, err error) {
	body, err := w.request(older, cp)
	if err != nil {
		return nil, 0, err
	}
	type result struct {
		answer []byte
		has    uint64
	}
	r, err := backoff.Retry(ctx, func() (result, error) {
		answer, has, err := w.post(ctx, body)
		return result{answer, has}, err
	}, backoff.WithMaxTries(4))
	return r.answer, r.has, err
}

// request is the body: "old size", the consistency proof, an empty line, the checkpoint.
func (w *Witness) request(older uint64, cp Checkpoint) ([]byte, error) {
	b := fmt.Appendf(nil, "old %d\n", older)
	if older > 0 && older < cp.Size {
		proof, err := w.log.Consistency(older, cp.Size)
		if err != nil {
			return nil, err
		}
		for _, h := range proof {
			b = append(base64.StdEncoding.AppendEncode(b, h[:]), '\n')
		}
	}
	return append(append(b, '\n'), cp.Signed...), nil
}

func (w *Witness) post(ctx context.Context, body []byte) (answer []byte, has uint64, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return nil, 0, backoff.Permanent(err)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return nil, 0, fmt.Errorf("ask the witness: %w", err)
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, 0, fmt.Errorf("read the witness's answer: %w", err)
	}
	switch res.StatusCode {
	case http.StatusOK:
		return answer, 0, nil
	case http.StatusConflict:
		has, err = strconv.ParseUint(strings.TrimSuffix(string(answer), "\n"), 10, 63)
		if err != nil || res.Header.Get("Content-Type") != "text/x.tlog.size" {
			return nil, 0, backoff.Permanent(errors.New("the witness refuses the size, and does not say which it has seen"))
		}
		return nil, has, nil
	}
	return nil, 0, refusal(res.StatusCode, answer)
}

// refusal says what a status means; those that may pass are tried again.
func refusal(status int, answer []byte) error {
	says := oneLine(string(answer))
	switch status {
	case http.StatusForbidden:
		return backoff.Permanent(fmt.Errorf("the witness does not know the key that signed the checkpoint: give it `evidenced key show` (%s)", says))
	case http.StatusNotFound:
		return backoff.Permanent(fmt.Errorf("the witness does not know this log, or it is not there: give it `evidenced key show` (%s)", says))
	case http.StatusUnprocessableEntity:
		return backoff.Permanent(fmt.Errorf("the witness has seen another log of this name: this one was rewritten (%s)", says))
	}
	err := fmt.Errorf("the witness answers %d (%s)", status, says)
	if status >= 500 || status == http.StatusTooManyRequests {
		return err
	}
	return backoff.Permanent(err)
}

// receipt finds the line of the configured key among the answered ones, and checks it.
func (w *Witness) receipt(answer []byte, cp Checkpoint) (Receipt, error) {
	text, _, _ := strings.Cut(string(cp.Signed), "\n\n")
	n, err := note.Open([]byte(text+"\n\n"+string(answer)), note.VerifierList(w.key))
	if err != nil || len(n.Sigs) != 1 {
		return Receipt{}, fmt.Errorf("the witness's answer is no cosignature of %s: %w", w.key.Name(), err)
	}
	at, err := cosign.CoSigV1Timestamp(n.Sigs[0])
	if err != nil {
		return Receipt{}, fmt.Errorf("the witness's cosignature: %w", err)
	}
	at = at.UTC()
	return Receipt{Bytes: fmt.Appendf(nil, "— %s %s\n", n.Sigs[0].Name, n.Sigs[0].Base64), At: &at}, nil
}
