// Package evidenced is the map of the house; it holds no code.
//
// The rooms, from the leaf upwards:
//
//	evidence    what was seen: its words, its bytes, its hash
//	collectors  how it is seen: the contract, the one door, one folder per source
//	store       where it is kept: bbolt and a Merkle log, append only
//	schedule    when it is seen: expected slots, their outcome, retries
//	gap         what it means: the engine of intervals, gaps, duties and results
//	  catalogue   what is promised and how it is checked: YAML, controls, tests, duties, views
//	  rule        the CEL of a test, answered for one record
//	  result      the plain data that the engine answers with
//	  wire        how the state of an engine is encoded
//	export      how it is handed over: the bundle
//	verify      how it is checked, by a stranger, from the bundle alone
//	simulator   a company with planted faults, speaking the vendors' formats
//	serve       how a running daemon is talked to: socket, HTTP, metrics
//	notify      who is told, of what, once
//	config      what the user asked for
//	cmd         the wiring
//
// deps_test.go states which room may import which.
package evidenced
