// Package export hands the evidence over: it writes the bundle that an
// auditor reads, verifies and re-performs. The format is docs/bundle.md.
//
// It may import population, gap and evidence. What never enters: judgement of its own,
// the store's inside, anything that would make the same evidence give other bytes.
package export
