package config

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"

	"github.com/evidenced/evidenced/collectors"
)

// Described reads the sources back from the text that Redacted wrote, as far as
// their secrets allow: they can be opened offline, and ask nobody anything. Sources
// that specs do not have are left out.
func Described(text string, specs []collectors.Spec) (out []Source, err error) {
	if len(text) > MaxSize {
		return nil, fmt.Errorf("larger than %d bytes", MaxSize)
	}
	if err := checkShape("the logged configuration", lexer.Tokenize(text)); err != nil {
		return nil, err
	}
	var members yaml.MapSlice
	if err := yaml.NewDecoder(strings.NewReader(text)).Decode(&members); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New("it is not YAML") // the library's own text quotes the source
	}
	for _, m := range members {
		for _, spec := range specs {
			if m.Key != spec.Name {
				continue
			}
			b, err := yaml.Marshal(m.Value)
			if err != nil {
				return nil, fmt.Errorf("source %s: %w", spec.Name, err)
			}
			c := spec.NewConfig()
			if err := yaml.Unmarshal(b, c); err != nil {
				return nil, fmt.Errorf("source %s cannot be read as this program configures it", spec.Name)
			}
			out = append(out, Source{Spec: spec, Config: c})
		}
	}
	return out, nil
}
