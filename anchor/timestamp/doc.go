// Package timestamp asks a timestamp authority for RFC 3161 tokens over
// checkpoints, and checks them, offline and years later.
//
// It may import evidence and a parser of the tokens. What never enters: trust
// in a certificate that the reader did not give.
package timestamp
