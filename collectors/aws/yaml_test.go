package aws

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

func TestChoiceYAML(t *testing.T) {
	for text, want := range map[string]string{
		"accounts: organization":        "",
		`accounts: ["012345678901"]`:    "012345678901",
		"accounts: [111122223333]":      "111122223333",
		"accounts: [012345678901]":      "012345678901",
		"accounts:\n  - 111122223333\n": "111122223333",
	} {
		tree, err := parser.ParseBytes([]byte(text), 0)
		if err != nil {
			t.Fatal(err)
		}
		c := newConfig()
		if err := yaml.NodeToValue(tree.Docs[0].Body, c, yaml.Strict()); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		if len(c.Accounts.List) > 0 {
			got = c.Accounts.List[0]
		}
		if got != want || c.Region != "us-east-1" {
			t.Errorf("%s: got %+v", text, c)
		}
		again, err := yaml.Marshal(c)
		if err != nil || !strings.Contains(string(again), "regions: enabled") {
			t.Errorf("%s: written as %s, %v", text, again, err)
		}
	}
}
