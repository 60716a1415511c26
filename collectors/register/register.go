package register

import (
	_ "embed"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

const (
	kindFile evidence.Kind  = "register.file"
	scope    evidence.Scope = "register"
	callFile                = "FILE {path}"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "register".
func Spec() collectors.Spec {
	kinds := []collectors.KindSpec{{Kind: kindFile, Mode: evidence.State, Doc: "A register that is kept, and the file in which it is."}}
	var read []evidence.Kind
	for _, g := range registers {
		kinds = append(kinds, collectors.KindSpec{Kind: g.kind(), Mode: evidence.State, Doc: g.doc})
		read = append(read, g.kind())
	}
	return collectors.Spec{
		Name:    "register",
		Version: 1,
		Doc:     "The registers that a company keeps by hand, each a CSV file: vendors, trainings, policies, incidents, approvals of access and more.",
		Root:    kindFile,
		Kinds:   kinds,
		Calls: []collectors.Call{{Name: callFile, Permissions: []string{"read access to the files"}, Kinds: read,
			Why: "the declared columns of each file, and nothing else of it"}},
		Redact:    []string{"password"},
		NewConfig: func() collectors.Config { return newConfig() },
		Sample:    sample,
		Policy:    policy,
	}
}

// policy says what the user that runs evidenced must be able to read.
func policy([]collectors.Call) ([]byte, error) {
	return []byte("# It needs read access to the files, and to nothing else, such as by:\nsetfacl -m u:evidenced:r vendors.csv trainings.csv\n"), nil
}
