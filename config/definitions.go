package config

import (
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Mentioned is what must be known of a configuration before its sources are.
type Mentioned struct {
	// Definitions is the folder that the file names for the user's own sources;
	// empty if it names none.
	Definitions string
	// Sources are the names of its sources, known or not.
	Sources []string
}

// Mentions reads what the file at path mentions. What is wrong with the file, Load
// reports.
func Mentions(path string) (m Mentioned) {
	b, err := os.ReadFile(path)
	if err != nil || len(b) > MaxSize {
		return m
	}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil || len(tree.Docs) != 1 {
		return m
	}
	for _, v := range members(child(tree.Docs[0].Body, "sources")) {
		m.Sources = append(m.Sources, v.Key.String())
	}
	folder, ok := child(tree.Docs[0].Body, "definitions").(*ast.StringNode)
	switch {
	case !ok || folder.Value == "":
	case filepath.IsAbs(folder.Value):
		m.Definitions = folder.Value
	default:
		m.Definitions = filepath.Join(filepath.Dir(path), folder.Value)
	}
	return m
}
