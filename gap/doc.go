// Package gap is the engine: it reads the runs of a log and derives verdicts, gaps
// and duties, incrementally, and draws reproducible samples.
//
// A gap is made by Engine.openGap (stream.go), which these call: evaluate.go
// (deviations of records and whole streams, answers that are unknown), events.go
// (deviations of events), blindness.go (slots that are not complete), scopes.go
// (scopes that appear or vanish) and retention.go (events about to be forgotten,
// attributes that a source stopped stating). The gaps of duties are made by
// duty.gap (duty.go) when a result is asked for. A gap is shown by Engine.Result
// (result.go): Engine.periodGaps selects those of the period, trackedGap.snapshot
// sets their state, applyDecisions adds what people decided. Tests of views reach
// the same functions by viewtest.go, which evaluates rows as if they were records.
//
// Engine.Snapshot and Restore keep an engine from one process to the next: a derived
// state, to be thrown away wherever it does not fit. A member that the engine keeps
// between two runs is written in snapshot.go and read in restore.go.
//
// It may import evidence and its own catalogue, rule, result and wire. What never
// enters: input or output beyond the Evidence it is given, clocks, collectors,
// networks, CEL, YAML. Results are a function of catalogue, period, runs, acts and
// instant, byte for byte.
package gap
