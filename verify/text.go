package verify

import (
	"fmt"
	"io"
	"strings"

	"github.com/evidenced/evidenced/evidence"
)

// ExitCode is 0 for a sound and complete bundle, 1 for one that is not sound,
// 3 for a sound one that was made before its period ended.
func (r Result) ExitCode() int {
	switch {
	case !r.OK:
		return 1
	case !r.Complete || len(r.Otherwise) > 0 || len(r.Foreign) > 0 || len(r.Unknown) > 0 || len(r.WentBack) > 0:
		return 3
	}
	return 0
}

// WriteText tells a person the result, one line a failure. What the bundle
// itself says is made harmless to a terminal.
func (r Result) WriteText(w io.Writer) error {
	var b strings.Builder
	c := r.Checked
	fmt.Fprintf(&b, "checked %d files (%d bytes), %d log entries, %d checkpoints, %d proofs, %d slots, %d records, %d exchanges\n",
		c.Files, c.Bytes, c.Entries, c.Checkpoints, c.Proofs, c.Snapshots, c.Records, c.Exchanges)
	c.custody(&b)
	if len(r.Foreign) > 0 {
		fmt.Fprintf(&b, "judged by tests that are not this program's; read them in catalogue/: %s\n", evidence.Printable(strings.Join(r.Foreign, ", ")))
	}
	if len(r.Otherwise) > 0 {
		fmt.Fprintf(&b, "%d pages and tables were written by another version of the program, and come out otherwise by this one: whether they say what the evidence says was not settled. "+
			"The verdicts and gaps, result.json and gaps.jsonl, come out the same. Derive the bundle again by the version that manifest.json names, to settle: %s\n",
			len(r.Otherwise), evidence.Printable(strings.Join(r.Otherwise[:min(len(r.Otherwise), 5)], ", ")))
	}
	for _, change := range r.Changes {
		fmt.Fprintf(&b, "within the period, %s came into force\n", evidence.Printable(change))
	}
	if len(r.Controls) > 0 {
		fmt.Fprintf(&b, "the bundle is of these controls alone: %s\n", evidence.Printable(strings.Join(r.Controls, ", ")))
	}
	for _, hole := range r.Holes {
		fmt.Fprintln(&b, evidence.Printable(hole))
	}
	for _, back := range r.WentBack {
		fmt.Fprintf(&b, "the log went back: %s\n", evidence.Printable(back))
	}
	for _, u := range r.Unknown {
		fmt.Fprintln(&b, evidence.Printable(u))
	}
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "FAILED %s", evidence.Printable(f.Check))
		if f.File != "" {
			fmt.Fprintf(&b, " in %s", evidence.Printable(f.File))
		}
		fmt.Fprintf(&b, ": %s\n", evidence.Printable(f.Detail))
	}
	switch {
	case !r.OK:
		fmt.Fprintf(&b, "NOT SOUND: %d failures\n", len(r.Failures))
	case len(r.Unknown) > 0 || len(r.Otherwise) > 0:
		b.WriteString("sound as far as this verifier knows\n")
	case len(r.Holes) > 0:
		b.WriteString("sound, but it does not hold all that happened in its period\n")
	case !r.Complete:
		b.WriteString("sound, but made before its period ended, or before its last events were read\n")
	case len(r.WentBack) > 0:
		b.WriteString("sound, but the log went back: what its key had signed before that is not all in it\n")
	case len(r.Foreign) > 0:
		b.WriteString("sound, but judged by tests that are not this program's\n")
	default:
		b.WriteString("sound: no entry of the log and no byte of evidence was changed, left out, added or reordered since it was signed\n")
	}
	if r.OK {
		r.scope(&b)
	}
	if r.Key != "" && !r.Pinned {
		fmt.Fprintf(&b, "signed by %s\nCompare this key with the one the organisation gave you by another way, or pass it with --key.\n", evidence.Printable(r.Key))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// scope says what was checked, and what was not.
func (r Result) scope(b *strings.Builder) {
	b.WriteString("checked: every byte of the archive; the signature and the key; the log's tree, order, checkpoints and proofs; that each file of evidence is the one that the log names; " +
		"that no outcome says more than its certificate; the windows of events; the catalogue against the log\n")
	if !r.Derived {
		b.WriteString("NOT derived again from the evidence: verdicts, gaps, tables and pages (result.json, gaps.jsonl, index.html, README.txt, *.csv, control.txt), whether every collection that was " +
			"expected is in the log, and whether the tests are the program's own. Whoever holds the key could have written these otherwise: `evidenced verify --reperform` derives each of them.\n")
	}
	if r.Checked.Witnessed+r.Checked.Seen == 0 {
		b.WriteString("NOT compared with anybody else's word: the log may have been written anew by the holder of its key (--witness, --timestamp-ca, --checkpoints)\n")
	}
}

// custody tells what the log says of itself, where it says something.
func (c Counts) custody(b *strings.Builder) {
	if c.KeyChanges > 0 {
		fmt.Fprintf(b, "changes of the signing key: %d, each signed by the old key and the new one\n", c.KeyChanges)
	}
	if c.Erased > 0 {
		fmt.Fprintf(b, "files of the period erased under the retention policy: %d (evidence/erased.csv); their entries and hashes remain, what they said cannot be judged\n", c.Erased)
	}
	if c.Uploads > 0 {
		fmt.Fprintf(b, "uploaded files: %d\n", c.Uploads)
	}
	if c.Anchors > 0 {
		fmt.Fprintf(b, "checkpoints shown to somebody else: %d; receipts checked (--witness, --timestamp-ca): %d\n", c.Anchors, c.Witnessed)
	}
	if c.Seen+c.Newer > 0 {
		fmt.Fprintf(b, "checkpoints from elsewhere (--checkpoints): %d are of this log; %d are newer than this bundle\n", c.Seen, c.Newer)
	}
}
