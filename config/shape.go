package config

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

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
