// Package rule compiles the CEL expressions of a catalogue and answers them for
// one record at one instant.
//
// It may import evidence and CEL, and is the only package that imports CEL. What
// never enters: input or output, clocks, tests and controls, gaps, engine state.
package rule
