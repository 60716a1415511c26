// Package lint looks at a catalogue of controls that a user wrote: whether a
// source feeds each test, and whether the timelines beside it come out as they say.
//
// It may import ops and the engine. What never enters: the store, flags, text layout.
package lint
