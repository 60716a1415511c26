package collectors

import (
	"fmt"
	"log/slog"
	"strings"
)

// Secret holds a credential and cannot print itself.
type Secret string

// missing is the prefix of a Secret that could not be had; the rest is the reason.
const missing = "\x00missing: "

// MissingSecret stands for a credential that could not be had, so that only
// what needs it fails, with the reason why.
func MissingSecret(why string) Secret { return Secret(missing + why) }

// Check reports a credential that is not there, as ErrUnauthenticated.
func (s Secret) Check() error {
	if why, ok := strings.CutPrefix(string(s), missing); ok {
		return fmt.Errorf("%w: %s", ErrUnauthenticated, why)
	}
	if s == "" {
		return fmt.Errorf("%w: it is not set", ErrUnauthenticated)
	}
	return nil
}

// Redacted stands for whatever was removed because it is secret.
const Redacted = "[redacted]"

// Reveal returns the credential. Only the code that signs a request calls it.
func (s Secret) Reveal() string { return string(s) }

// String returns a placeholder.
func (s Secret) String() string { return Redacted }

// Format returns the placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(Redacted)) }

// LogValue returns the placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(Redacted) }

// MarshalText returns the placeholder, so that no encoder prints the credential.
func (s Secret) MarshalText() ([]byte, error) {
	if s == "" {
		return nil, nil // that none is set is no secret
	}
	return []byte(Redacted), nil
}
