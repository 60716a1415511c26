package roster

import (
	_ "embed"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindPerson evidence.Kind  = "roster.person"
	scope      evidence.Scope = "roster"
	callFile                  = "FILE {path}"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "roster".
func Spec() collectors.Spec {
	return collectors.Spec{
		Name:    "roster",
		Version: 1,
		Doc:     "The people of the company and its service accounts, from a CSV file: an export of the HR system, or a list kept by hand.",
		Root:    kindPerson,
		Kinds: []collectors.KindSpec{{Kind: kindPerson, Mode: evidence.State,
			Doc: "A person, or an account of a service with its owner, as the file says."}},
		Calls: []collectors.Call{{Name: callFile, Permissions: []string{"read access to the file"}, Kinds: []evidence.Kind{kindPerson},
			Why: "the declared columns of the file, and nothing else of it"}},
		Redact:    []string{"password", "salary"},
		NewConfig: func() collectors.Config { return newConfig() },
		Sample:    sample,
		Policy:    policy,
	}
}

// policy says what the user that runs evidenced must be able to read.
func policy([]collectors.Call) ([]byte, error) {
	return []byte("# It needs read access to the file, and to nothing else, such as by:\nsetfacl -m u:evidenced:r people.csv\n"), nil
}
