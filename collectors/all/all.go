package all

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/aws"
	"github.com/evidenced/evidenced/collectors/git"
	"github.com/evidenced/evidenced/collectors/github"
	"github.com/evidenced/evidenced/collectors/ldap"
	"github.com/evidenced/evidenced/collectors/register"
	"github.com/evidenced/evidenced/collectors/rest"
	"github.com/evidenced/evidenced/collectors/roster"
)

// Specs returns what every source declares, in order of name: those with a folder
// of their own, and those that collectors/rest/definitions describes.
func Specs() []collectors.Spec {
	return inOrder(own(), described())
}

// own are the sources with a folder of their own.
func own() []collectors.Spec {
	return []collectors.Spec{
		aws.Spec(),
		git.Spec(),
		github.Spec(),
		ldap.Spec(),
		register.Spec(),
		roster.Spec(),
	}
}

var described = sync.OnceValue(rest.Specs)

// Named returns those of Specs that have one of the names. It reads no other
// definitions, which makes it many times as fast.
func Named(names ...string) []collectors.Spec {
	found := slices.DeleteFunc(own(), func(s collectors.Spec) bool { return !slices.Contains(names, s.Name) })
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if s, ok := rest.SpecOf(name); ok {
			found = append(found, s)
		}
	}
	return inOrder(found, nil)
}

// With returns Specs and what the definitions in a user's folder declare. None of
// them may take a name that is taken.
func With(folder string) ([]collectors.Spec, error) {
	theirs, err := rest.SpecsIn(folder)
	if err != nil {
		return nil, err
	}
	specs := inOrder(Specs(), theirs)
	for i := 1; i < len(specs); i++ {
		if specs[i].Name == specs[i-1].Name {
			return nil, fmt.Errorf("%s: %s is a source already: give the file another name, and name and kinds with it", filepath.Join(folder, specs[i].Name+".yaml"), specs[i].Name)
		}
	}
	return specs, nil
}

func inOrder(a, b []collectors.Spec) []collectors.Spec {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b collectors.Spec) int { return strings.Compare(a.Name, b.Name) })
	return all
}
