// Package result holds the plain data that the engine answers with: periods,
// gaps, verdicts, the results of tests, controls, criteria, streams and duties.
//
// It may import evidence and the standard library. What never enters: engine
// state, rules, catalogues, input or output, clocks.
package result
