// Package wire is a compact binary encoding: integers, texts and instants that are
// stored once, and the values of attributes, under one hash.
//
// It may import the standard library alone. What never enters: the meaning of
// what is encoded, files, clocks.
package wire
