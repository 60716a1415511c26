package github

import (
	"encoding/json"
	"strings"

	"github.com/evidenced/evidenced/collectors"
)

// policy returns the manifest of a GitHub App with the rights that the calls
// need. A fine-grained token needs the same ones, under the same names.
// https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
func policy(calls []collectors.Call) ([]byte, error) {
	rights := map[string]string{}
	for _, c := range calls {
		for _, p := range c.Permissions {
			name, level, _ := strings.Cut(p, ": ")
			rights[name] = level
		}
	}
	manifest := struct {
		Name        string            `json:"name"`
		URL         string            `json:"url"`
		Public      bool              `json:"public"`
		Permissions map[string]string `json:"default_permissions"`
		Events      []string          `json:"default_events"`
	}{"evidenced (read-only)", "https://github.com/evidenced/evidenced", false, rights, []string{}}
	b, err := json.MarshalIndent(manifest, "", "  ")
	return append(b, '\n'), err
}
