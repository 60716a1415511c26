package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// Failure is one thing that is wrong with a bundle.
type Failure struct {
	// Check names what was checked: "archive", "manifest", "signature", "file",
	// "log", "checkpoint", "proof", "catalogue", "evidence", "ledger".
	Check string `json:"check"`
	// File is the member of the bundle, empty for the archive as a whole.
	File   string `json:"file"`
	Detail string `json:"detail"`
}

// Counts says what was checked.
type Counts struct {
	Files       int   `json:"files"`
	Bytes       int64 `json:"bytes"`
	Entries     int   `json:"entries"`
	Checkpoints int   `json:"checkpoints"`
	Proofs      int   `json:"proofs"`
	Snapshots   int   `json:"snapshots"`
	Records     int   `json:"records"`
	Exchanges   int   `json:"exchanges"`
	// Uploads are files that entries name; Erased are blobs that
	// the log names and retention took away; KeyChanges are changes of the
	// signing key; Anchors are showings of a checkpoint to somebody else, of which
	// Witnessed were checked with a key or a certificate that the reader gave.
	Uploads    int `json:"uploads"`
	Erased     int `json:"erased"`
	KeyChanges int `json:"key_changes"`
	Anchors    int `json:"anchors"`
	Witnessed  int `json:"witnessed"`
	// Seen are checkpoints of the reader's own that are of this log, Newer those
	// that are of more entries than the bundle has.
	Seen  int `json:"seen"`
	Newer int `json:"newer"`
}

// Result is the whole answer.
type Result struct {
	OK      bool   `json:"ok"`
	Checked Counts `json:"checked"`
	// Failures are at most 1000. What stands on a broken part is not checked:
	// the log only of a bundle whose archive and files are sound, the evidence
	// only of a log that was read to its end.
	Failures []Failure `json:"failures"`
	// Foreign are tests of the bundle's catalogue that are not those of whoever
	// derived it again.
	Foreign []string `json:"foreign_tests,omitempty"`
	// Otherwise are pages and tables that another version of the program wrote,
	// and that come out otherwise by the one that derived them again.
	Otherwise []string `json:"otherwise,omitempty"`
	// Changes are the configurations and catalogues that came into force within the period.
	Changes []string `json:"changes,omitempty"`
	// Controls are the only ones that the bundle is of; empty means all.
	Controls []string `json:"controls,omitempty"`
	// Holes are populations that were not read from the start of the period to its end.
	Holes []string `json:"holes,omitempty"`
	// WentBack are entries that say that the log was not the one that its key had
	// signed: an older copy was put in its place, or it was cut.
	WentBack []string `json:"went_back,omitempty"`
	// Derived tells that verdicts, tables and pages were derived again from the evidence.
	Derived bool `json:"derived"`
	// Complete is false for a sound bundle that does not cover its period: it
	// was made before the end.
	Complete bool `json:"-"`
	// Key is the verifier key that signed; Pinned says whether it is the one expected.
	Key    string `json:"-"`
	Pinned bool   `json:"-"`
	// Unknown are entries that a newer program wrote: not wrong, but not checked.
	Unknown []string `json:"-"`
}

// Options configure File.
type Options struct {
	// Key is the verifier key that the reader expects, got by another way than
	// the bundle. Empty means that any key is taken, and the result says so.
	Key string
	// MaxBytes bounds what is unpacked; zero means 256 GiB.
	MaxBytes int64
	// Witnesses are the keys of witnesses (C2SP cosignature/v1) whose
	// cosignatures are checked.
	Witnesses []string
	// Seen are checkpoints from elsewhere that must be of the log.
	Seen []Seen
	// Timestamp checks an RFC 3161 token over a digest, and gives its time. Without
	// it tokens are counted, not checked.
	Timestamp func(token []byte, digest evidence.Hash) (time.Time, error)
	// Progress is told how many of the unpacked bytes were checked. It may be nil.
	Progress func(done, total int64)
}

// Validate reports a key that is none, so that a slip of the pen is not taken
// for a bundle of somebody else.
func (o Options) Validate() error {
	for _, key := range o.Witnesses {
		if _, err := parseWitness(key); err != nil {
			return fmt.Errorf("the key of the witness: %w", err)
		}
	}
	if o.Key == "" {
		return nil
	}
	if _, err := parseKey(o.Key); err != nil {
		return fmt.Errorf("the key you gave: %w", err)
	}
	return nil
}

const (
	// maxFailures bounds the list: a broken bundle may be wrong everywhere.
	maxFailures = 1000
	// maxDetail bounds what a failure quotes, in bytes.
	maxDetail = 1000
)

// File checks the bundle at path. The error is for a check that could not be
// made, or that ctx ended; what is wrong with the bundle is in the result.
func File(ctx context.Context, path string, o Options) (Result, error) {
	b, failure, err := Open(path)
	if err != nil {
		return Result{}, err
	}
	if failure != nil {
		return Result{Failures: []Failure{*failure}}, nil
	}
	defer b.Close()
	return b.Check(ctx, o)
}

// Check runs every check over an open bundle. The error is that of ctx.
func (b *Bundle) Check(ctx context.Context, o Options) (Result, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 30
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	c := &check{ctx: ctx, b: b, opt: o, refs: map[string]evidence.Ref{}}
	c.res.Failures = []Failure{}
	c.res.Complete, c.res.Controls = b.Manifest.Complete, b.Manifest.Controls
	for _, part := range [][]func(){{c.sealed}, {c.archive, c.files}, {c.log, c.readToTheEnd, c.stated, c.pinned, c.seen}, {c.evidence}} {
		if len(c.res.Failures) > 0 && !c.logRead {
			break
		}
		for _, step := range part {
			step()
		}
	}
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("verify: %w", err)
	}
	c.res.OK = len(c.res.Failures) == 0
	return c.res, nil
}

// check holds what the steps share.
type check struct {
	ctx     context.Context
	b       *Bundle
	opt     Options
	res     Result
	signer  key      // in force where the log has been read to
	before  *key     // the one before it, while it must sign as well
	keys    []string // every key that the log was signed with
	custody custody
	refs    map[string]evidence.Ref // evidence files that the log names, by path
	tree    tree
	runs    ledger
	logRead bool // the log was read to its end
	// catalogues came into force one after another, by the log; configs counts the
	// configurations, and roots are the root kinds that go with the last of them.
	catalogues []inForce
	configs    int
	roots      map[string]string
}

func (c *check) fail(check, file, format string, args ...any) {
	if !c.ended() {
		c.res.Failures = append(c.res.Failures, *failed(check, file, fmt.Errorf(format, args...)))
	}
}

// ended says that there is no sense in going on.
func (c *check) ended() bool { return len(c.res.Failures) >= maxFailures || c.ctx.Err() != nil }

// failed gives a failure, cut to what a person reads.
func failed(check, file string, err error) *Failure {
	detail := err.Error()
	if len(detail) > maxDetail {
		detail = strings.ToValidUTF8(detail[:maxDetail], "") + "..."
	}
	return &Failure{check, file, detail}
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// sealed checks the manifest's signature, and its key against the expected one.
func (c *check) sealed() {
	v, err := parseKey(c.b.Manifest.Log.Key)
	if err != nil {
		c.fail("signature", manifestName, "%w", err)
		return
	}
	c.signer, c.res.Key = v, c.b.Manifest.Log.Key
	text, err := openNote(c.b.signature, v)
	switch {
	case err != nil:
		c.fail("signature", signatureName, "%v", err)
	case text != manifestText(c.b.raw):
		c.fail("signature", manifestName, "the signature is over another manifest")
	}
	c.res.Pinned = c.opt.Key != "" && c.opt.Key == c.b.Manifest.Log.Key
}

// pinned looks for the expected key among those that the log was signed with:
// each change of the key is signed by both, so that each vouches for the others.
func (c *check) pinned() {
	if c.opt.Key == "" {
		return
	}
	for _, k := range c.keys {
		c.res.Pinned = c.res.Pinned || k == c.opt.Key
	}
	if !c.res.Pinned {
		c.fail("signature", manifestName, "signed by %s, expected %s", c.b.Manifest.Log.Key, c.opt.Key)
	}
}

// manifestText is what is signed: a title and the hash of the manifest's bytes.
func manifestText(raw []byte) string {
	return "evidenced bundle manifest\n" + evidence.HashOf(raw).String() + "\n"
}

// Open reads the archive's directory and the manifest. The failure is for a
// file that is not a bundle; the error for one that could not be read.
func Open(path string) (*Bundle, *Failure, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("open bundle: %w", err)
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("open bundle %s: %w", path, err), f.Close())
	}
	b := &Bundle{file: f, size: fi.Size()}
	if failure := b.read(); failure != nil {
		return nil, failure, f.Close()
	}
	return b, nil, nil
}

// Close lets go of the file.
func (b *Bundle) Close() error { return b.file.Close() }

// limited reads all of r, at most n bytes.
func limited(r io.Reader, n int64) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, n+1))
	if err == nil && int64(len(out)) > n {
		err = fmt.Errorf("larger than %d bytes", n)
	}
	return out, err
}
