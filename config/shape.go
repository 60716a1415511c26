package config

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Folder gives a folder of YAML files that a person wrote, once the size and the
// shape of each are such that it can be parsed safely. Its errors name the file.
func Folder(path string) (fs.FS, error) {
	root := os.DirFS(path)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return &Error{File: path, Message: err.Error()}
		case d.IsDir() || !strings.HasSuffix(name, ".yaml") && !strings.HasSuffix(name, ".yml"):
			return nil
		case strings.HasSuffix(name, ".yml"):
			return &Error{File: name, Message: "is not read: a file of the catalogue ends with .yaml"}
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return &Error{File: name, Message: err.Error()}
		}
		if len(b) > MaxSize {
			return &Error{File: name, Message: fmt.Sprintf("larger than %d bytes", MaxSize)}
		}
		return checkShape(name, lexer.Tokenize(string(b)))
	})
	return root, err
}

// The shape that a configuration may have at most. Deeper ones cost the YAML
// library memory out of all proportion, and no person writes them.
const (
	maxDepth  = 32  // of lists and maps in brackets, and of dashes on one line
	maxIndent = 128 // columns before the first word of a line
)

// checkShape refuses tokens that are too deep, and anchors and aliases, which
// can make a small file a large one.
func checkShape(file string, tokens token.Tokens) error {
	depth, line, dashes := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, dashes = t.Position.Line, 0
			if t.Position.Column > maxIndent && t.Type != token.CommentType {
				return &Error{file, line, fmt.Sprintf("more than %d columns deep", maxIndent)}
			}
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return &Error{file, line, "anchors and aliases are not taken here: write the value out"}
		}
		if depth > maxDepth || dashes > maxDepth {
			return &Error{file, line, fmt.Sprintf("nested more than %d deep", maxDepth)}
		}
	}
	return nil
}
