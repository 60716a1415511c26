// Package expected derives which collections a log must tell of, from the
// schedules in the configurations that the log itself holds, and names those that
// it does not. The product and the verifier ask it alike.
//
// It may import the sources, to know the scopes of each, and schedule. What never
// enters: credentials, the network, judgement of what was read.
package expected
