// Package changes reads single changes from a log: what was merged, who wrote and
// approved it, what checked it, its tickets and deployments, and what the tests say.
//
// It may import api, evidence and gap. What never enters: stores and their keys,
// configuration, the network, decisions about what a change should be.
package changes
