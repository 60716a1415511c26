// Package all is the one list of sources. A new source is its folder and one
// line here. It may import collectors and every source's folder. What never
// enters: anything but the list.
package all

import (
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws"
	"github.com/evidenced/evidenced/collectors/github"
)

// Specs lists every source, by name.
func Specs() []collectors.Spec {
	return []collectors.Spec{
		aws.Spec(),
		github.Spec(),
	}
}
