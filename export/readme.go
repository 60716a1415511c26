package export

import (
	"fmt"
	"io"
)

// readme tells an auditor what is here and how to check it, with and without our program.
func (b *derived) readme() error {
	return b.file("README.txt", func(w io.Writer) error {
		_, err := fmt.Fprintf(w, `EVIDENCE BUNDLE
Organization: %s
Type %-9s%s
Made by:      %s

WHAT IS HERE
  index.html             the whole story on one page; open it in a browser, it needs no network
  controls/matrix.csv    every control in one row: criteria, tests, duties, how it went
  controls/*/            per control: control.txt, tests.csv, gaps.csv, population-*.csv
  populations/*.csv      what the views of several controls are made of, a kind a file
  gaps.jsonl             every gap of the period with its bounds, one JSON object a line
  result.json            verdicts per test, control and criterion; coverage per stream
  catalogue/             the controls and tests as they were evaluated
  evidence/index.csv     every expected slot: how it ended, who asked what, when, how many rows (IPE)
  evidence/records/      what was read, normalised; named by the SHA-256 of the file
  evidence/exchanges/    the raw requests and answers, after redaction; named likewise
  evidence/files/        files that people added, such as minutes; evidence/manual.csv says what they are
  decisions.csv          which gaps were accepted, by whom, until when, and what management says
  evidence/erased.csv    what was erased under the retention policy, if anything; its hashes remain
  log/entries.jsonl      the append-only log, one entry a line, from the first day on
  log/checkpoints.jsonl  the log's size and root, signed each time evidence was collected
  log/proofs.jsonl       per entry, the proof that it is in the log
  manifest.json, .sig    every file above with its hash, and a signature over it

HOW TO CHECK IT WITH THE PROGRAM
  evidenced verify --reperform --key 'KEY' BUNDLE.zip
      checks every byte, the log, its signatures and its order, and derives again, from the evidence: which
      collections were expected by the logged schedules, every verdict, gap, table and page
  evidenced-verify --key 'KEY' BUNDLE.zip
      a small program whose whole source can be read; checks all of it but what is derived
  --witness KEY, --timestamp-ca FILE, --checkpoints FOLDER
      with either of them, also check who else saw the log, and when
KEY is the line that the organization gave you by another way than this bundle.
The one in this bundle, to compare, is in log/key.txt:
  %s

HOW TO CHECK IT WITHOUT OUR PROGRAM
1. Unpack. For each entry of manifest.json: sha256sum FILE is the "sha256" that stands there.
2. sha256sum manifest.json is the second line of manifest.sig. That file is a signed note
   (C2SP signed-note, Ed25519); the public key is in log/key.txt: what follows the second plus
   sign is base64 of 33 bytes, the last 32 of which are the key. The signature is the base64
   in the last line of manifest.sig, less its first 4 bytes; it is over the lines before the
   empty one, with their newlines. For openssl the key is the hexadecimal prefix
   302a300506032b6570032100 and then the 32 bytes, as DER:
   openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey KEY.der -in LINES -sigfile SIGNATURE
3. Each file in evidence/records and evidence/exchanges is named by its own SHA-256.
   log/entries.jsonl names these hashes, with counts, in the order of collection.
4. The log is an RFC 6962 Merkle tree. A leaf's hash is SHA-256(0x00 || line without newline);
   a node's is SHA-256(0x01 || left || right). The root over the first n lines is the third
   line of the checkpoint of size n in log/checkpoints.jsonl, each signed when it was made.

WHAT IT SHOWS, AND WHAT NOT
No entry of the log and no byte of evidence was changed, left out, added or reordered after it was
collected and signed; failed and missed collections are part of the log, and what is expected follows
from the logged schedules. Whoever holds host and key from the start could have lied from the start;
compare with the source systems: every exchange names the vendor's own request id. Times are UTC.
`, b.Organization, b.Type, b.when(), b.Generator, b.from.VerifierKey())
		return err
	})
}
