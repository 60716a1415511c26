package api

import (
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// ChangesRequest asks for the changes that were merged in the period.
type ChangesRequest struct {
	AsOf time.Time `json:"as_of,omitzero"`
	// Repository is the only one to list, as acme/app; empty for all.
	Repository string `json:"repository,omitempty"`
	// Verdict is the only one to list: fail, unknown, pass; empty for all.
	Verdict Verdict `json:"verdict,omitempty"`
}

// ChangeList are merged pull and merge requests, by the time of the merge.
type ChangeList struct {
	AsOf    time.Time     `json:"as_of"`
	Period  result.Period `json:"period"`
	Changes []Change      `json:"changes"`
}

// Change is one merged request.
type Change struct {
	// Name is that of the host, as acme/app#12 or acme/web!3.
	Name     string    `json:"name"`
	MergedAt time.Time `json:"merged_at"`
	Author   string    `json:"author,omitempty"`
	Title    string    `json:"title,omitempty"`
	// Base is the branch that it was merged into.
	Base string `json:"base,omitempty"`
	// Verdict is the worst of the tests that judged it; not_applicable where none did.
	Verdict Verdict `json:"verdict"`
}

// ChangeRequest asks for one change.
type ChangeRequest struct {
	// Name is that of the host, as acme/app#12.
	Name string    `json:"name"`
	AsOf time.Time `json:"as_of,omitzero"`
}

// ChangeDetail is all that is known of one change: each part with the stream
// that says so and when it was read.
type ChangeDetail struct {
	Change
	// Record is where host, merge, contributors, approvals and checks were read.
	Record ChangeSource `json:"record"`
	URL    string       `json:"url,omitempty"`
	// MergedBy is who merged, MergeSHA the commit, Landed the commits of the base that it became.
	MergedBy     string              `json:"merged_by,omitempty"`
	MergeSHA     string              `json:"merge_sha,omitempty"`
	Landed       []string            `json:"landed"`
	Contributors []ChangePerson      `json:"contributors"`
	Approvals    []ChangeApproval    `json:"approvals"`
	Checks       []ChangeCheck       `json:"checks"`
	Tickets      []ChangeTicket      `json:"tickets"`
	Deployments  []ChangeDeployment  `json:"deployments"`
	Verdicts     []ChangeTestVerdict `json:"verdicts"`
}

// ChangeSource tells where something was read, and when.
type ChangeSource struct {
	Stream string         `json:"stream"`
	Scope  evidence.Scope `json:"scope,omitempty"`
	ID     string         `json:"id"`
	ReadAt time.Time      `json:"read_at"`
}

// ChangePerson is one who had a hand in a change, or may have had.
type ChangePerson struct {
	// Account is a login or an address.
	Account string `json:"account"`
	// Role is author, contributor or possible.
	Role string `json:"role"`
	// Unsigned: a commit without a valid signature names them.
	Unsigned bool `json:"unsigned,omitempty"`
	// Person is the name in the roster; empty where it maps the account to nobody.
	Person string `json:"person,omitempty"`
}

// ChangeApproval is one approval that stood at the merge.
type ChangeApproval struct {
	Account string     `json:"account"`
	Person  string     `json:"person,omitempty"`
	At      *time.Time `json:"at,omitempty"`
	Commit  string     `json:"commit,omitempty"`
	// CoversHead: it is of what was merged. CanPush: they may write now. Absent where that is not known.
	CoversHead *bool `json:"covers_head,omitempty"`
	CanPush    *bool `json:"can_push,omitempty"`
}

// ChangeCheck is one check.
type ChangeCheck struct {
	Name       string     `json:"name"`
	Conclusion string     `json:"conclusion,omitempty"`
	At         *time.Time `json:"at,omitempty"`
	// On is head, or merge for a check of the merge commit before it became the base.
	On string `json:"on"`
}

// ChangeTicket is a ticket that a change names.
type ChangeTicket struct {
	Key       string     `json:"key"`
	Status    string     `json:"status,omitempty"`
	CreatedAt *time.Time `json:"created_at,omitempty"`
	// Source is absent where the ticket was not read.
	Source *ChangeSource `json:"source,omitempty"`
}

// ChangeDeployment is one deployment of the change.
type ChangeDeployment struct {
	Environment string       `json:"environment"`
	At          time.Time    `json:"at"`
	SHA         string       `json:"sha"`
	Source      ChangeSource `json:"source"`
}

// ChangeTestVerdict is what one test says of the change.
type ChangeTestVerdict struct {
	Test    string  `json:"test"`
	Title   string  `json:"title"`
	Control string  `json:"control"`
	Verdict Verdict `json:"verdict"`
	// Reason and Gap are those of the gap, where there is one.
	Reason string `json:"reason,omitempty"`
	Gap    string `json:"gap,omitempty"`
}
