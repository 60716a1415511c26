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
		Name:         "aws",
		Version:      3,
		Doc:          "AWS accounts: identities and what they may do, logging, detection, encryption, network, backups, vulnerabilities.",
		Root:         kindAccount,
		AuditLogKind: kindOwnRead,
		Kinds:        kinds(),
		Calls:        calls(),
		Identify:     identify,
		Throttled:    throttled,
		Lane:         lane,
		Redact:       []string{"SecretAccessKey", "SessionToken", "Password", "PrivateKey", "ClientSecret", "accessToken", "refreshToken", "Variables"},
		NewConfig:    func() collectors.Config { return newConfig() },
		Sample:       sample,
		Policy:       printedPolicy,
		Templates:    map[string]func([]collectors.Call) ([]byte, error){"terraform": terraform, "cloudformation": cloudFormation},
	}
}
