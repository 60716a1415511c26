package all

import (
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws"
	"github.com/evidenced/evidenced/collectors/github"
	"github.com/evidenced/evidenced/collectors/rest"
)

// Specs gives what every source declares, in order of name: those with a folder
// of their own, and those that collectors/rest/definitions describes.
func Specs() []collectors.Spec {
	return inOrder([]collectors.Spec{
		aws.Spec(),
		github.Spec(),
	}, described())
}

var described = sync.OnceValue(rest.Specs)

// With gives Specs and what a user's own definitions declare, at the top of fsys.
func With(fsys fs.FS) ([]collectors.Spec, error) {
	own, err := rest.SpecsIn(fsys)
	return inOrder(Specs(), own), err
}

func inOrder(a, b []collectors.Spec) []collectors.Spec {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b collectors.Spec) int { return strings.Compare(a.Name, b.Name) })
	return all
}
