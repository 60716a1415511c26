// Package evidence is the leaf: the words of the product as types, the
// canonical bytes of what was seen, and their hash.
//
// It may import the standard library only. What never enters: input or output
// beyond an io.Reader, clocks, judgement.
package evidence
