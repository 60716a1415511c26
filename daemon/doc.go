// Package daemon collects on schedule until it is stopped: it holds the store,
// keeps an engine that judges each collection (ops.Judge), shows checkpoints to
// anchors, tells people what matters, takes a new configuration, and answers
// at the socket and over HTTP.
//
// It may import ops and serve, and what they are made of. What never enters:
// flags, text for a person, vendors, the formats of bundles.
package daemon
