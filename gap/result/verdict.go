package result

// Verdict is what a test says of a record, a slot, a period.
type Verdict string

const (
	// Pass: everything that had to be read was read, and nothing failed.
	Pass Verdict = "pass"
	// Fail: something was seen failing.
	Fail Verdict = "fail"
	// Unknown: it could not be read, or the source does not say. Never pass, never fail.
	Unknown Verdict = "unknown"
	// NotApplicable: nothing that was read falls under the test.
	NotApplicable Verdict = "not_applicable"
	// DidNotOccur: all of the population was read, and it is empty.
	DidNotOccur Verdict = "did_not_occur"
	// Provided: a person brought the evidence in time. Nothing tested it. Never green.
	Provided Verdict = "evidence_provided"
	// ManualEvidence: no automated test has evidence; a person must bring it. Never green.
	ManualEvidence Verdict = "manual_evidence"
)

// Worse returns the graver of two verdicts: fail, unknown, pass, what a person
// brought, then the empty ones.
func Worse(a, b Verdict) Verdict {
	for _, v := range []Verdict{Fail, Unknown, Pass, Provided, DidNotOccur, NotApplicable} {
		if a == v || b == v {
			return v
		}
	}
	return ManualEvidence
}
