// Package github reads an organisation on GitHub: its settings, who may do what
// in it, its repositories and how their default branches are protected, every
// merged pull request with its reviews and checks, and what went around them.
//
// It may import collectors, evidence and go-github. What never enters:
// judgement of what was read, and any call that is not declared in Spec.
//
// Merged pull requests are read by GraphQL, with the one document of
// changes.graphql; everything else by REST, where the answer to a validator (304)
// is free as long as the credential is the same: that of an App is another one each hour.
//
// go-github v60 builds requests and tells error answers apart; the answers are
// decoded into narrow structs of our own, because its types cannot tell "null"
// from "false", stop at ruleset rules they do not know, and take an empty body
// for an empty list. Waiting for rate limits happens in the door; the headers
// that make go-github block itself do not reach it.
package github
