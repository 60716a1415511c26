package collectors

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// The classes of failure. Errors of collectors and of the door wrap one of them.
var (
	// ErrDenied: the source refused; a permission or a licence is missing.
	ErrDenied = errors.New("denied")
	// ErrUnauthenticated: the credential is missing, wrong or expired.
	ErrUnauthenticated = errors.New("not authenticated")
	// ErrThrottled: the source asked to slow down, longer than the run may wait.
	ErrThrottled = errors.New("throttled")
	// ErrUnreachable: no answer, or a server error.
	ErrUnreachable = errors.New("unreachable")
	// ErrIncomplete: an answer that cannot be the whole answer.
	ErrIncomplete = errors.New("incomplete")
	// ErrNoHost: the name of the host is not known, by the word of the name
	// server. It is always wrapped together with ErrUnreachable.
	ErrNoHost = errors.New("no such host")
	// ErrExcluded: a policy of the organization closes the part to everyone, by the
	// source's own word. It is always wrapped together with ErrDenied.
	ErrExcluded = errors.New("excluded by a policy of the organization")
	// ErrServer: the source answered with a server error. It is always wrapped
	// together with ErrUnreachable.
	ErrServer = errors.New("server error")
	// ErrForbidden: the collector tried what it has not declared. A defect of ours.
	ErrForbidden = errors.New("refused by the door")
)

var classes = []struct {
	err   error
	class evidence.Class
}{
	{ErrForbidden, evidence.Internal},
	{ErrDenied, evidence.Denied},
	{ErrUnauthenticated, evidence.Unauthenticated},
	{ErrThrottled, evidence.Throttled},
	{ErrUnreachable, evidence.Unreachable},
	{ErrIncomplete, evidence.Incomplete},
	{context.DeadlineExceeded, evidence.Unreachable},
	{context.Canceled, evidence.Internal},
}

// ServerError returns the error of an answer of 500 or more; the text says which.
func ServerError(text string) error { return serverError{text} }

type serverError struct{ text string }

func (e serverError) Error() string   { return ErrUnreachable.Error() + ": " + e.text }
func (e serverError) Unwrap() []error { return []error{ErrUnreachable, ErrServer} }

// ReasonOf turns an error into the reason that goes into the evidence.
func ReasonOf(err error) evidence.Reason {
	for _, c := range classes {
		if errors.Is(err, c.err) {
			// The class has a field of its own: it need not begin the detail as well.
			return evidence.Reason{Class: c.class, Detail: strings.TrimPrefix(err.Error(), c.err.Error()+": ")}
		}
	}
	return evidence.Reason{Class: evidence.Internal, Detail: err.Error()}
}

// Classified reports whether err already wraps one of the classes.
func Classified(err error) bool {
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return true
		}
	}
	return false
}

// ErrorOf returns the error that ReasonOf turns into class c; nil for the classes
// that have none of their own.
func ErrorOf(c evidence.Class) error {
	for _, k := range classes {
		if k.class == c && c != evidence.Internal {
			return k.err
		}
	}
	return nil
}

// ParseError returns an error with the text, of the class with which it begins,
// if it begins with one.
func ParseError(text string) error {
	for _, c := range classes {
		if rest, ok := strings.CutPrefix(text, c.err.Error()+": "); ok {
			return fmt.Errorf("%w: %s", c.err, rest)
		}
	}
	return errors.New(text)
}

// Incomplete makes an error of class ErrIncomplete.
func Incomplete(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrIncomplete, fmt.Sprintf(format, args...))
}
