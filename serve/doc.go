// Package serve is how a running daemon is talked to: a unix socket on which
// commands are run and asked for, an HTTP address that tells how it is, metrics,
// and the service manager. docs/api.yaml describes the socket.
//
// It may import the Prometheus client library and no other room: what a command
// does is a function that it is given. What never enters: evidence, judgement,
// files but the socket, secrets.
package serve
