package config

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// maxSecret bounds a secret's file: a credential is short.
const maxSecret = 64 << 10

// resolve replaces ${env:NAME} and ${file:PATH} in every text of the tree.
func (p *parse) resolve(n ast.Node) { ast.Walk(p, n) }

// Visit implements ast.Visitor.
func (p *parse) Visit(n ast.Node) ast.Visitor {
	s, ok := n.(*ast.StringNode)
	if !ok || !strings.Contains(s.Value, "${") {
		return p
	}
	s.Value = reference.ReplaceAllStringFunc(s.Value, func(ref string) string {
		v, err := p.lookup(ref[2 : len(ref)-1])
		if err != nil {
			p.fail(s.GetToken().Position.Line, "%s: %v", ref, err)
		}
		return v
	})
	return p
}

func (p *parse) lookup(ref string) (string, error) {
	scheme, name, _ := strings.Cut(ref, ":")
	switch {
	case name == "" || scheme != "env" && scheme != "file":
		return "", fmt.Errorf("want ${env:NAME} or ${file:PATH}")
	case scheme == "file":
		return readSecret(p.beside(name))
	}
	v, ok := os.LookupEnv(name)
	if !ok || v == "" {
		return "", fmt.Errorf("the environment variable %s is not set", name)
	}
	return v, nil
}

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSecret:
		return "", fmt.Errorf("%s is larger than %d bytes: not a secret", path, maxSecret)
	case len(strings.TrimSpace(string(b))) == 0:
		return "", fmt.Errorf("%s is empty", path)
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}
