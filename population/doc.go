// Package population defines an auditor's population: every event of one kind
// that happened in a period, or every resource of it that a slot of the period
// saw, each once, and what that rests on. The bundle, the sample and the web
// pages read it here, so that they count the same.
//
// It may import evidence and gap. What never enters: the drawing of samples,
// file formats, verdicts, clocks.
package population
