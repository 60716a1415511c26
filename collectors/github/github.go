package github

import (
	_ "embed"

	"github.com/evidenced/evidenced/collectors"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "github".
func Spec() collectors.Spec {
	return collectors.Spec{
		Name:       "github",
		Version:    4,
		Doc:        "A GitHub organisation: who may do what, how branches are protected, every change and every way around.",
		Root:       kindOrg,
		Kinds:      kinds(),
		Calls:      calls(),
		Throttled:  throttled,
		VendorPath: besideREST,

		Revalidates: true,
		Redact:      []string{"token", "secret", "access_token", "client_secret", "webhook_secret", "pem", "temp_clone_token", "password"},
		NewConfig:   func() collectors.Config { return newConfig() },
		Sample:      sample,
		Policy:      policy,
	}
}
