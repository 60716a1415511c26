package evidence

import (
	"cmp"
	"encoding/base64"
	"slices"
	"time"
)

// Exchange is one request and its response, as they went through the one door,
// after redaction. It never holds a credential.
type Exchange struct {
	// Call is the declared call this request was matched to: "iam:GetAccountSummary",
	// "GET /orgs/{org}/members".
	Call string `json:"call"`
	// Scope is the part of the stream's scope that the request was made for, such
	// as a region, where the address does not show it.
	Scope  Scope  `json:"scope,omitempty"`
	Method string `json:"method"`
	// URL is the address asked; of a program of this machine it is "exec:" and its name,
	// of a file "file:" and its path as it is configured.
	URL string `json:"url"`
	// Request is the redacted request body, where there is one; of a program, its
	// arguments as a JSON list; of a file, what is kept of it.
	Request string `json:"request,omitempty"`
	// Status is the HTTP status, 0 when no answer came.
	Status int `json:"status,omitempty"`
	// Exit is the exit status of a program, absent when it did not run to its end;
	// 0 of a file that was read to its end.
	Exit *int `json:"exit,omitempty"`
	// Header holds the response headers that are kept, by canonical name.
	Header map[string]string `json:"header,omitempty"`
	// Body is the redacted response body; Binary holds it when it is not UTF-8 text.
	Body   string `json:"body,omitempty"`
	Binary []byte `json:"binary,omitempty"`
	// RequestID is the vendor's own id of this request: an auditor can find our
	// call in the vendor's log by it.
	RequestID string `json:"request_id,omitempty"`
	// Unmodified says that the source did not send this answer again: it said, with
	// status 304, that what it had sent before still holds. Status, body and
	// headers are then those of the answer that holds, with the headers of today.
	Unmodified *Unmodified `json:"unmodified,omitempty"`
	// Attempt counts from 1; every attempt is an exchange of its own.
	Attempt int       `json:"attempt"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	// Error says why no usable answer came; of a program that ended with another
	// status than 0, it is what that wrote to its standard error.
	Error string `json:"error,omitempty"`
	// Redacted names what was removed from the bodies before they were stored.
	Redacted []string `json:"redacted,omitempty"`
}

// Unmodified names the answer that still holds.
type Unmodified struct {
	// Since is when it came.
	Since time.Time `json:"since"`
	// Body is the hash of its body, as it was stored then and is stored here again.
	Body Hash `json:"body"`
}

// SortExchanges puts exchanges into their canonical order: by what was asked,
// then by start. Concurrent requests give the same bytes each time, and the
// same request has the same place in every snapshot of its stream.
func SortExchanges(xs []Exchange) {
	slices.SortStableFunc(xs, func(a, b Exchange) int {
		return cmp.Or(cmp.Compare(a.Call, b.Call), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.URL, b.URL),
			cmp.Compare(a.Request, b.Request), a.Started.Compare(b.Started), cmp.Compare(a.Attempt, b.Attempt))
	})
}

// Answered reports whether the source said anything.
func (x Exchange) Answered() bool { return x.Status != 0 || x.Exit != nil }

// members returns the JSON members of an exchange, faster than reflection does.
func (x Exchange) members() map[string]any {
	m := map[string]any{"call": x.Call, "method": x.Method, "url": x.URL, "attempt": x.Attempt, "started": x.Started, "ended": x.Ended}
	for name, text := range map[string]string{"scope": string(x.Scope), "request": x.Request, "body": x.Body, "request_id": x.RequestID, "error": x.Error} {
		if text != "" {
			m[name] = text
		}
	}
	if x.Status != 0 {
		m["status"] = x.Status
	}
	if x.Exit != nil {
		m["exit"] = *x.Exit
	}
	if len(x.Header) > 0 {
		m["header"] = x.Header
	}
	if len(x.Binary) > 0 {
		m["binary"] = base64.StdEncoding.EncodeToString(x.Binary)
	}
	if x.Unmodified != nil {
		m["unmodified"] = x.Unmodified
	}
	if len(x.Redacted) > 0 {
		m["redacted"] = x.Redacted
	}
	return m
}
