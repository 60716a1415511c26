package collectors

import (
	"fmt"
	"log/slog"
)

// Secret holds a credential and cannot print itself.
type Secret string

const redacted = "[redacted]"

// Reveal gives the credential. Only the code that signs a request calls it.
func (s Secret) Reveal() string { return string(s) }

// String gives a placeholder.
func (s Secret) String() string { return redacted }

// Format gives the placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue gives the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText gives the placeholder, so that no encoder prints the credential.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
