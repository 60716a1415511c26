// Package custody takes care of the store and its keys: it opens the store with
// the seal and the signing key that the configuration names, checks it, backs it
// up, restores, compacts, migrates and re-encrypts it, erases what retention no
// longer keeps, and changes the signing key.
//
// It may import api, config, evidence, store and cloud. What never enters:
// flags, text for a person, sources, judgment.
package custody
