// Package rest reads sources that are described by data: one YAML file says
// how to sign in, what to ask, how the pages follow one another, and how an
// answer becomes records. What the file declares is all that the source may ask.
//
// It may import collectors, evidence, the YAML parser and gojq. What never
// enters: what only one vendor does; that stands in its file, or in a folder
// of its own beside this one.
package rest
