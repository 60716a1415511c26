package api

import (
	"errors"
	"fmt"
)

// Code sorts the errors of operations.
type Code string

const (
	// Usage: the request makes no sense, or the configuration is wrong.
	Usage Code = "usage"
	// NotFound: the thing that the request names does not exist.
	NotFound Code = "not_found"
	// Conflict: it cannot be done to the thing as it stands, or somebody else was faster.
	Conflict Code = "conflict"
	// Denied: this actor may not do it.
	Denied Code = "denied"
	// Damaged: the store cannot be relied on.
	Damaged Code = "damaged"
	// Failed: anything else.
	Failed Code = "failed"
)

// Error is an error with a code. Its text is for a person.
type Error struct {
	Code Code
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of a code; format is that of fmt.Errorf.
func Errorf(code Code, format string, args ...any) error {
	return &Error{code, fmt.Errorf(format, args...)}
}

// AsUsage returns err as a mistake of the caller's; nil for nil.
func AsUsage(err error) error {
	if err == nil {
		return nil
	}
	return &Error{Usage, err}
}

// CodeOf returns the code of an error: its own, Usage for a mistake in the
// configuration, Failed for anything else.
func CodeOf(err error) Code {
	var coded *Error
	var mistake interface{ Usage() bool }
	switch {
	case errors.As(err, &coded):
		return coded.Code
	case errors.As(err, &mistake) && mistake.Usage():
		return Usage
	}
	return Failed
}
