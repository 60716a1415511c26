// Package all is the one list of sources. A new source is its folder and one
// line here; nothing is registered by being imported.
//
// It may import the folders of the sources. What never enters: anything else.
package all

import (
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws"
	"github.com/evidenced/evidenced/collectors/github"
)

// Specs gives what every source declares, in order of name.
func Specs() []collectors.Spec {
	return []collectors.Spec{
		aws.Spec(),
		github.Spec(),
	}
}
