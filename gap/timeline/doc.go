// Package timeline tells the engine's inputs and what is expected of it as text:
// a series of runs, the records they read, what people did, and the gaps, tests
// and duties that follow. It is how a catalogue is tested.
//
// It may import evidence and gap. What never enters: input or output, clocks,
// verdicts of its own. docs/catalogue.md describes the format.
package timeline
