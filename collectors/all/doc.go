// Package all is the one list of sources. A new source is its folder and one
// line here; nothing is registered by being imported.
//
// It may import the folders of the sources. What never enters: anything else.
package all
