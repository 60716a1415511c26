package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// logName gives the name that checkpoints are signed under: the organisation, fit for a note.
func logName(organization string) string {
	slug := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(organization), "-"), "-")
	if slug == "" {
		slug = "organization"
	}
	return "evidenced/" + slug
}

// signingKey reads the key of the store. If neither store nor key exist, it makes one.
func signingKey(c *config.Config) (*store.Key, error) {
	_, keyErr := os.Stat(c.Store.Key)
	_, storeErr := os.Stat(c.Store.Path)
	if !errors.Is(keyErr, os.ErrNotExist) || !errors.Is(storeErr, os.ErrNotExist) {
		return store.ReadKey(c.Store.Key)
	}
	k, err := store.NewKey(logName(c.Organization), nil)
	if err != nil {
		return nil, err
	}
	if err := k.WriteFile(c.Store.Key); err != nil {
		return nil, fmt.Errorf("make a signing key for a new store: %w", err)
	}
	return k, nil
}
