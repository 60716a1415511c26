package all

import (
	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws"
	"github.com/evidenced/evidenced/collectors/git"
	"github.com/evidenced/evidenced/collectors/github"
)

// Specs gives what every source declares, in order of name.
func Specs() []collectors.Spec {
	return []collectors.Spec{
		aws.Spec(),
		git.Spec(),
		github.Spec(),
	}
}
