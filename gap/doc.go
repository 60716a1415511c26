// Package gap is what the evidence means: the engine that turns runs into
// verdicts, intervals, gaps and duties, and the reproducible sample.
//
// It may import evidence and its own catalogue, rule and result. What never
// enters: input or output beyond the Evidence it is given, clocks, collectors,
// networks, CEL, YAML. The same catalogue, runs, period and instant give the
// same bytes.
package gap
