// Package protection reads together what classic branch protection and rulesets
// demand of a branch of GitHub, and who may go around it.
//
// It may import collectors. What never enters: requests, the wording of tests.
package protection
