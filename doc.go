// Package evidenced is the map of the house; it holds no code.
//
// The rooms, from the leaf upwards:
//
//	evidence    what was seen: its words, its bytes, its hash
//	collectors  how it is seen: the contract; transport, the one door; one folder per source
//	store       where it is kept: bbolt and a Merkle log, append only
//	schedule    when it is seen: expected slots, their outcome, retries
//	gap         what it means: the engine of intervals, gaps, duties and results
//	  catalogue   what is promised and how it is checked: YAML, controls, tests, duties, views
//	  rule        the CEL of a test, answered for one record
//	  result      the plain data that the engine answers with
//	  wire        how the state of an engine is encoded
//	population  what an auditor counts: every item of a kind in a period, once
//	export      how it is handed over: the bundle
//	receipt     that an entry is in the log, for programs that others wrote
//	verify      how it is checked, by a stranger, from the bundle alone
//	simulator   a company with planted faults, speaking the vendors' formats
//	notify      who is told, of what, once
//	config      what the user asked for
//	api         what may be asked and answered: requests, answers, who asks, codes of errors
//	ops         the operations, typed: one method for each thing that may be asked
//	  changes     what was merged, by whom, approved by whom, and what the tests say
//	  custody     care of the store and its keys
//	  expected    which collections a log must tell of, by the schedules in it
//	  lint        what a user wrote into a catalogue of their own
//	  setup       the first configuration, permissions, doctor
//	cloud       what the agent itself uses of a cloud: key and secret managers
//	serve       how a running daemon is talked to: socket, HTTP, metrics, and the client
//	daemon      what collects on schedule, until it is stopped
//	demo        a period of the simulated company, lived through
//	cmd         flags and text
//
// A gap is made in package gap, by the engine; ops.Judge keeps one over the log,
// and what it answers is shown by cmd, serve, export and notify.
//
// deps_test.go states which room may import which.
package evidenced
