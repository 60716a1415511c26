// Package verify checks a bundle, offline and trusting nothing in it but the
// key that the reader compares. It is written from docs/bundle.md.
//
// It may import evidence and the standard library, so that an auditor can
// read all of it. It shares no code with what writes bundles: the tree, the
// notes and the archive are checked by the code in this folder. What never
// enters: the store, the network.
package verify
