// Package gap is what the evidence means: the catalogue of controls and tests,
// and the engine that turns runs into verdicts, intervals and gaps.
//
// It may import evidence, CEL and YAML. What never enters: input or output
// beyond an fs.FS and the Evidence it is given, clocks, collectors, networks.
// The same catalogue, runs, period and instant give the same bytes.
package gap
