package ldap

import (
	_ "embed"
	"strings"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The kinds of this source.
const (
	kindDirectory evidence.Kind = "ldap.directory"
	kindUser      evidence.Kind = "ldap.user"
	kindGroup     evidence.Kind = "ldap.group"
	kindPolicy    evidence.Kind = "ldap.policy"
)

// The calls.
const (
	callBind     = "LDAP bind"
	callRoot     = "LDAP search rootDSE"
	callUsers    = "LDAP search users"
	callGroups   = "LDAP search groups"
	callRange    = "LDAP search range"
	callPolicies = "LDAP search policies"
	callDomain   = "LDAP search domain"
)

//go:embed sample.yaml
var sample []byte

// Spec declares the source "ldap".
func Spec() collectors.Spec {
	return collectors.Spec{
		Name:      "ldap",
		Version:   1,
		Doc:       "A directory that speaks LDAP, such as Active Directory: users, groups and their members, password policies.",
		Root:      kindDirectory,
		Kinds:     kinds(),
		Calls:     calls(),
		Redact:    []string{"userPassword", "unicodePwd", "krbPrincipalKey", "sambaNTPassword"},
		NewConfig: func() collectors.Config { return newConfig() },
		Sample:    sample,
		Policy:    policy,
	}
}

func kinds() []collectors.KindSpec {
	return []collectors.KindSpec{
		{Kind: kindDirectory, Mode: evidence.State, Doc: "The directory, as it describes itself."},
		{Kind: kindUser, Mode: evidence.State, Doc: "An account of a person, or of a service that is kept as one. Active Directory replicates last_login with up to 14 days of delay.",
			Volatile: []string{"last_login", "bad_password_at"}},
		{Kind: kindGroup, Mode: evidence.State, Doc: "A group and its members."},
		{Kind: kindPolicy, Mode: evidence.State, Doc: "A password policy: of the domain, or of those to whom it applies."},
	}
}

func calls() []collectors.Call {
	read := []string{"read access to users, groups and password policies"}
	return []collectors.Call{
		{Name: callBind, Why: "who asks; needs no permission"},
		{Name: callRoot, Why: "what the directory is; needs no permission"},
		{Name: callUsers, Permissions: read, Kinds: []evidence.Kind{kindUser}, Why: "users"},
		{Name: callGroups, Permissions: read, Kinds: []evidence.Kind{kindGroup}, Why: "groups and their members"},
		{Name: callRange, Permissions: read, Kinds: []evidence.Kind{kindUser, kindGroup}, Why: "more values of a long list, as Active Directory gives them"},
		{Name: callPolicies, Permissions: read, Kinds: []evidence.Kind{kindPolicy}, Why: "password policies"},
		{Name: callDomain, Permissions: read, Kinds: []evidence.Kind{kindPolicy}, Why: "the password policy of an Active Directory domain"},
	}
}

// policy says what the account must be able to read, in each server's words.
func policy(calls []collectors.Call) ([]byte, error) {
	var b strings.Builder
	b.WriteString("# An account of its own with read access to users, groups and password policies, and nothing else.\n")
	b.WriteString("# Active Directory: any domain user reads all of it, but for fine-grained policies; for those:\n")
	b.WriteString("dsacls \"CN=Password Settings Container,CN=System,DC=acme,DC=example\" /I:T /G \"ACME\\evidenced:GR\"\n")
	b.WriteString("# OpenLDAP: the attributes of the entries, never userPassword, and no limit on their number:\n")
	b.WriteString("#   olcAccess: to attrs=userPassword by self write by anonymous auth by * none\n")
	b.WriteString("#   olcAccess: to * by dn.exact=\"cn=evidenced,dc=acme,dc=example\" read by * break\n")
	b.WriteString("#   olcLimits: dn.exact=\"cn=evidenced,dc=acme,dc=example\" size.prtotal=unlimited\n")
	b.WriteString("# Operations: bind, search, unbind. Searches ask for these attributes only:\n")
	for _, a := range everyAttribute() {
		b.WriteString("#   " + a + "\n")
	}
	return []byte(b.String()), nil
}
