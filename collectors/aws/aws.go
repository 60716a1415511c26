package aws

import (
	_ "embed"

	"github.com/evidenced/evidenced/collectors"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "aws".
func Spec() collectors.Spec {
	return collectors.Spec{
		Name:      "aws",
		Version:   1,
		Doc:       "AWS accounts: root user, users and their second factor, password policy, trails, buckets.",
		Root:      kindAccount,
		Kinds:     kinds(),
		Calls:     calls(),
		Identify:  identify,
		Throttled: throttled,
		Lane:      lane,
		Redact:    []string{"SecretAccessKey", "SessionToken", "Password", "PrivateKey", "ClientSecret", "accessToken", "refreshToken"},
		NewConfig: func() collectors.Config { return newConfig() },
		Sample:    sample,
		Policy:    policy,
	}
}
