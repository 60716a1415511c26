// Package simulator is a company that does not exist: a seed grows its people,
// its AWS organisation, its GitHub organisation, its Okta organisation and what
// goes wrong in them, and between them, over an observation period. It serves the
// vendors' own wire formats over HTTP to the real clients, fails on request, and
// knows the truth it planted. The roster that its HR system exports, the register
// of its administrators and a bare clone of a repository are files.
//
// Every answer is the company's state at the simulated instant that SetNow
// names; it is a pure function of the seed, that instant and the request, but
// for the credential report, which a request generates, and for transient
// faults, which count attempts.
//
// It may import the standard library and evidence. What never enters: SDKs,
// collectors, the wall clock, anything that judges.
package simulator
