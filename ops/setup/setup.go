package setup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/ops"
	"github.com/evidenced/evidenced/ops/custody"
)

// Credential is one credential that init saw. Only its place is told, never its value.
type Credential struct {
	Source string `json:"source"`
	Where  string `json:"where"`
}

// look says which credentials are here, without reading them.
func look(env func(string) string, exists func(string) bool) (out []Credential) {
	home := env("HOME")
	switch {
	case env("AWS_ACCESS_KEY_ID") != "":
		out = append(out, Credential{"aws", "AWS_ACCESS_KEY_ID in the environment"})
	case env("AWS_PROFILE") != "":
		out = append(out, Credential{"aws", "AWS_PROFILE in the environment"})
	case env("AWS_WEB_IDENTITY_TOKEN_FILE") != "":
		out = append(out, Credential{"aws", "AWS_WEB_IDENTITY_TOKEN_FILE in the environment"})
	case exists(filepath.Join(home, ".aws", "config")), exists(filepath.Join(home, ".aws", "credentials")):
		out = append(out, Credential{"aws", "a profile in ~/.aws"})
	}
	if env("GITHUB_TOKEN") != "" {
		out = append(out, Credential{"github", "GITHUB_TOKEN in the environment"})
	}
	return out
}

// Initialized is what `init --json` prints.
type Initialized struct {
	Config  string       `json:"config"`
	Key     string       `json:"key"`
	KeyMade bool         `json:"key_made"`
	Found   []Credential `json:"found"`
}

// Initialize writes a commented configuration to path, which must not exist,
// from the credentials that are found, and makes a signing key.
func Initialize(path, organization string, now time.Time) (*Initialized, error) {
	if exists(path) {
		return nil, api.Errorf(api.Usage, "%s is there already; init does not overwrite it", path)
	}
	got := look(os.Getenv, exists)
	use := func(name string) bool {
		for _, f := range got {
			if f.Source == name {
				return true
			}
		}
		return len(got) == 0 && (name == "aws" || name == "github") // nothing found: two to begin with
	}
	if err := WriteNew(path, config.Example(organization, now.UTC(), all.Specs(), use)); err != nil {
		return nil, err
	}
	keyPath := filepath.Join(filepath.Dir(path), "evidence.key")
	made, err := custody.MakeKey(keyPath, organization)
	return &Initialized{path, keyPath, made, got}, err
}

// WriteNew writes a file that must not be there yet.
func WriteNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write a new file: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write a new file: %w", errors.Join(err, os.Remove(path)))
	}
	return nil
}

// Permissions returns the least-privilege policy that a source needs, from its
// declared calls; as names a form to put it into place, such as terraform.
func Permissions(path, source, as string) (string, error) {
	specs, err := ops.Specs(path)
	if err != nil {
		return "", err
	}
	spec, err := specOf(source, specs)
	if err != nil {
		return "", err
	}
	render := spec.Policy
	if as != "" {
		known := slices.Sorted(maps.Keys(spec.Templates))
		if render = spec.Templates[as]; render == nil {
			return "", api.Errorf(api.Usage, "%s has no form %q; known are: %s", source, as, cmp.Or(strings.Join(known, ", "), "-"))
		}
	}
	policy, err := render(spec.Calls)
	if err != nil {
		return "", fmt.Errorf("permissions of %s: %w", source, err)
	}
	return strings.TrimSpace(string(policy)), nil
}

func specOf(name string, specs []collectors.Spec) (collectors.Spec, error) {
	var names []string
	for _, s := range specs {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return collectors.Spec{}, api.Errorf(api.Usage, "unknown source %q; known are %s", name, strings.Join(names, ", "))
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }
