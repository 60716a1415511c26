package config

import (
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Definitions gives the folder that the file at path names for the user's own
// sources, "" if it names none. It must be known before the sources are, and so
// it looks at nothing else: what is wrong with the file, Load reports.
func Definitions(path string) string {
	b, err := os.ReadFile(path)
	if err != nil || len(b) > MaxSize {
		return ""
	}
	tree, err := parser.ParseBytes(b, 0)
	if err != nil || len(tree.Docs) != 1 {
		return ""
	}
	folder, ok := child(tree.Docs[0].Body, "definitions").(*ast.StringNode)
	switch {
	case !ok || folder.Value == "":
		return ""
	case filepath.IsAbs(folder.Value):
		return folder.Value
	}
	return filepath.Join(filepath.Dir(path), folder.Value)
}
