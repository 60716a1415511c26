package transport

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The door's third entrance reads a file of this machine, where the source is
// one that people bring: an export of the HR system. Only the files that the
// configuration names are read, and of them only what the collector keeps is
// ever stored or seen: an export holds salaries next to names.

const fileURL = "file" // the scheme of the addresses of its exchanges

// The headers of such an exchange.
const (
	headerDigest   = "Sha-256"
	headerSize     = "Content-Length"
	headerModified = "Last-Modified"
	headerOwner    = "Owner"
)

// File is one file to read, with what the door adds to the collector's request.
type File struct {
	collectors.FileRead
	path  string
	limit int64 // bytes
	// waitUntilStable waits until nobody writes to the file.
	waitUntilStable func(context.Context, File) error
}

// readFile implements Env.ReadFile.
func (g *gateway) readFile(ctx context.Context, r collectors.FileRead) (collectors.FileReply, error) {
	f := File{FileRead: r}
	x, rec, err := g.admitFile(ctx, &f)
	if err != nil {
		return collectors.FileReply{}, err
	}
	if err := g.limits.acquire(ctx, x.URL); err != nil {
		return collectors.FileReply{}, fmt.Errorf("waiting to read %s: %w", f.Name, err)
	}
	defer g.limits.release(x.URL, false)
	x.Started = g.opt.Now()
	reply, err := g.opt.ReadFile(context.WithValue(ctx, requestKey{}, x), f)
	x.Ended = g.opt.Now()
	if err = classifyFileError(ctx, f, err); err != nil {
		x.Error = g.redact.text(err.Error())
		rec.add(x)
		return collectors.FileReply{}, err
	}
	g.recordFile(&x, &reply)
	rec.add(x)
	g.log.Debug("read", "file", f.Name, "bytes", reply.Size)
	return reply, nil
}

// admitFile returns the exchange as far as it is known before the answer.
func (g *gateway) admitFile(ctx context.Context, f *File) (x evidence.Exchange, rec *recorder, err error) {
	if rec = recorderOf(ctx); rec == nil {
		return x, nil, fmt.Errorf("%w: a file read outside of a capture", collectors.ErrForbidden)
	}
	path, named := g.files[f.Name]
	if !named {
		return x, nil, fmt.Errorf("%w: the file %.200q is not one that the configuration names", collectors.ErrForbidden, f.Name)
	}
	text, err := json.Marshal(f.Shape)
	if err != nil {
		return x, nil, fmt.Errorf("what is kept of %s: %w", f.Name, err)
	}
	f.path, f.limit, f.waitUntilStable = path, g.opt.MaxBody, g.waitUntilStable
	x.Scope = collectors.ScopeFromContext(ctx)
	x.Call, x.Method, x.URL, x.Request, x.Attempt = collectors.FileCall, "FILE", fileAddress(f.Name), string(text), 1
	return x, rec, nil
}

func fileAddress(name string) string {
	u := url.URL{Path: name}
	return fileURL + ":" + u.EscapedPath()
}

// IsFileExchange reports the reading of the file that the configuration names so.
func IsFileExchange(x evidence.Exchange, name string) bool {
	return x.Call == collectors.FileCall && x.URL == fileAddress(name)
}

func (g *gateway) recordFile(x *evidence.Exchange, r *collectors.FileReply) {
	clean := g.redact.text(r.Text)
	if clean != r.Text {
		x.Redacted = []string{credential}
	}
	r.Text = clean
	whole := 0
	x.Exit, x.Body = &whole, clean
	x.Header = map[string]string{headerDigest: r.SHA256, headerSize: strconv.FormatInt(r.Size, 10), headerModified: r.Modified.UTC().Format(time.RFC3339Nano)}
	if r.Owner != "" {
		x.Header[headerOwner] = r.Owner
	}
}

// classifyFileError assigns a failure its class, and the name by which people know the file.
func classifyFileError(ctx context.Context, f File, err error) error {
	switch {
	case err == nil || collectors.Classified(err):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", f.Name, ctx.Err())
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %s: this user may not read it", collectors.ErrDenied, f.Name)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s: there is no such file", collectors.ErrUnreachable, f.Name)
	case errors.Is(err, errTooLong):
		return fmt.Errorf("%w: %s: %w", collectors.ErrIncomplete, f.Name, err)
	}
	return fmt.Errorf("%w: %s: %w", collectors.ErrUnreachable, f.Name, err)
}

// ReadFile reads a file from its beginning to its end, once nobody writes to it.
// It is what a door does whose options name nothing else.
func ReadFile(ctx context.Context, f File) (collectors.FileReply, error) {
	if err := f.waitUntilStable(ctx, f); err != nil {
		return collectors.FileReply{}, err
	}
	before, err := os.Stat(f.path)
	switch {
	case err != nil:
		return collectors.FileReply{}, err
	case !before.Mode().IsRegular():
		return collectors.FileReply{}, collectors.Incomplete("%s is no regular file", f.Name)
	case before.Size() > f.limit:
		return collectors.FileReply{}, fmt.Errorf("%w: over %d bytes", errTooLong, f.limit)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return collectors.FileReply{}, err
	}
	defer func() { _ = file.Close() }() // it was read; nothing is lost
	in := &hashingReader{ctx: ctx, r: io.LimitReader(file, f.limit+1), sum: sha256.New()}
	out := &limitedBuffer{limit: f.limit}
	if err := f.Keep(in, out); err != nil {
		return collectors.FileReply{}, cutWhile(f, before, err)
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return collectors.FileReply{}, err
	}
	if err := sameFile(f, file, before, in.n); err != nil {
		return collectors.FileReply{}, err
	}
	return collectors.FileReply{Text: out.b.String(), SHA256: hex.EncodeToString(in.sum.Sum(nil)), Size: in.n, Modified: before.ModTime(), Owner: owner(before)}, nil
}

// cutWhile prefers, of a file that does not make sense, that it was written to meanwhile.
func cutWhile(f File, before fs.FileInfo, err error) error {
	now, statErr := os.Stat(f.path)
	if statErr == nil && !unchanged(before, now) {
		return changedWhile(f)
	}
	return err
}

func changedWhile(f File) error {
	return collectors.Incomplete("%s changed while it was read: write it under another name, and rename it into place", f.Name)
}

// sameFile reports a file that was written to or replaced between the two looks.
func sameFile(f File, file *os.File, before fs.FileInfo, n int64) error {
	opened, err := file.Stat()
	if err != nil {
		return err
	}
	now, err := os.Stat(f.path)
	if err != nil || n != before.Size() || !unchanged(before, opened) || !unchanged(before, now) {
		return changedWhile(f)
	}
	return nil
}

func unchanged(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// hashingReader hashes and counts what is read, and ends with its context.
type hashingReader struct {
	ctx context.Context
	r   io.Reader
	sum hash.Hash
	n   int64
}

// Read implements io.Reader.
func (c *hashingReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	_, _ = c.sum.Write(p[:n]) // a hash does not fail
	return n, err
}

// readFile answers for a file.
func (p *recording) readFile(ctx context.Context, _ File) (collectors.FileReply, error) {
	x, err := p.next(ctx)
	switch {
	case err != nil:
		return collectors.FileReply{}, err
	case x.Exit == nil:
		return collectors.FileReply{}, collectors.ParseError(x.Error)
	}
	r := collectors.FileReply{Text: x.Body + string(x.Binary), SHA256: x.Header[headerDigest], Owner: x.Header[headerOwner]}
	r.Size, err = strconv.ParseInt(x.Header[headerSize], 10, 64)
	if err != nil {
		return collectors.FileReply{}, collectors.Incomplete("the recorded size of %s is %.40q", x.URL, x.Header[headerSize])
	}
	r.Modified, err = time.Parse(time.RFC3339Nano, x.Header[headerModified])
	if err != nil {
		return collectors.FileReply{}, collectors.Incomplete("the recorded time of %s is %.40q", x.URL, x.Header[headerModified])
	}
	return r, nil
}

// isFileURL reports the address of a file.
func isFileURL(address string) bool { return strings.HasPrefix(address, fileURL+":") }
