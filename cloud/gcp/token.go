package gcp

import (
	"context"
	"log/slog"
	"sync"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials"
)

// defaultToken returns a source of access tokens for one OAuth scope. It finds
// the application default credential when it is first needed.
func defaultToken(scope string) func(context.Context) (string, error) {
	find := sync.OnceValues(func() (*auth.Credentials, error) {
		return credentials.DetectDefault(&credentials.DetectOptions{Scopes: []string{scope}, Logger: slog.New(slog.DiscardHandler)})
	})
	return func(ctx context.Context) (string, error) {
		c, err := find()
		if err != nil {
			return "", err
		}
		t, err := c.Token(ctx)
		if err != nil {
			return "", err
		}
		return t.Value, nil
	}
}
