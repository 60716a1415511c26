package api

import "github.com/evidenced/evidenced/gap/result"

// Verdict is what a test says of a record, a collection, a period.
type Verdict = result.Verdict

// The verdicts, for whoever shows them.
const (
	Pass           = result.Pass
	Fail           = result.Fail
	Unknown        = result.Unknown
	NotApplicable  = result.NotApplicable
	DidNotOccur    = result.DidNotOccur
	Provided       = result.Provided
	ManualEvidence = result.ManualEvidence
)
