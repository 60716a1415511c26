package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Anchor is one place to which the log's checkpoints are shown. Exactly one of
// Folder, Git, S3, Timestamp and Witness is set.
type Anchor struct {
	// Name tells it from the others, in the log and on the command line.
	Name string `yaml:"name"`
	// Folder is a path on another disk or host.
	Folder    string           `yaml:"folder,omitempty"`
	Git       *AnchorGit       `yaml:"git,omitempty"`
	S3        *AnchorS3        `yaml:"s3,omitempty"`
	Timestamp *AnchorTimestamp `yaml:"timestamp,omitempty"`
	Witness   *AnchorWitness   `yaml:"witness,omitempty"`
}

// AnchorGit is a branch of a git repository.
type AnchorGit struct {
	// Repository is a URL (https, ssh), user@host:path, or a path.
	Repository string `yaml:"repository"`
	// Branch is "checkpoints" unless configured.
	Branch string `yaml:"branch"`
}

// AnchorS3 is a bucket with Object Lock.
type AnchorS3 struct {
	Bucket string `yaml:"bucket"`
	// Prefix of the objects' names, without slashes at its ends; may be empty.
	Prefix string `yaml:"prefix,omitempty"`
	Region string `yaml:"region"`
	// Endpoint is another address to ask than AWS's; may be empty.
	Endpoint string `yaml:"endpoint,omitempty"`
	// Mode is COMPLIANCE or GOVERNANCE.
	Mode string `yaml:"mode"`
	// Retain is how long an object is locked.
	Retain time.Duration `yaml:"retain"`
}

// AnchorTimestamp is an RFC 3161 timestamp authority.
type AnchorTimestamp struct {
	URL string `yaml:"url"`
	// CA is the file of the certificates that its tokens must lead to, PEM.
	CA string `yaml:"ca"`
}

// AnchorWitness is a witness that speaks the C2SP tlog-witness protocol.
type AnchorWitness struct {
	URL string `yaml:"url"`
	// Key is its verifier key, in the form of a C2SP note verifier key.
	Key string `yaml:"key"`
}

// fileAnchor is an Anchor as it is written.
type fileAnchor struct {
	Name      string           `yaml:"name"`
	Folder    string           `yaml:"folder"`
	Git       *AnchorGit       `yaml:"git"`
	S3        *fileS3          `yaml:"s3"`
	Timestamp *AnchorTimestamp `yaml:"timestamp"`
	Witness   *AnchorWitness   `yaml:"witness"`
}

type fileS3 struct {
	Bucket   string `yaml:"bucket"`
	Prefix   string `yaml:"prefix"`
	Region   string `yaml:"region"`
	Endpoint string `yaml:"endpoint"`
	Mode     string `yaml:"mode"`
	Retain   string `yaml:"retain"`
}

var anchorName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`) })

// anchors reads all of them; a mistake is reported at the line of its anchor.
func (p *parse) anchors(files []fileAnchor) (out []Anchor) {
	lines := map[string]int{}
	for i, f := range files {
		line := p.itemLine(i, "anchors")
		if !anchorName().MatchString(f.Name) {
			p.fail(line, "anchors: name is %q: want a short name of a-z, 0-9, - and _", f.Name)
			continue
		}
		if first, twice := lines[f.Name]; twice {
			p.fail(line, "anchors: the name %s is used twice, first in line %d", f.Name, first)
		}
		lines[f.Name] = line
		a, err := p.anchor(f)
		if err != nil {
			p.fail(line, "anchors: %s: %v", f.Name, err)
			continue
		}
		out = append(out, a)
	}
	return out
}

func (p *parse) anchor(f fileAnchor) (a Anchor, err error) {
	a.Name = f.Name
	n := 0
	for _, there := range []bool{f.Folder != "", f.Git != nil, f.S3 != nil, f.Timestamp != nil, f.Witness != nil} {
		if there {
			n++
		}
	}
	switch {
	case n != 1:
		return a, fmt.Errorf("it is %d anchors: want exactly one of folder, git, s3, timestamp and witness", n)
	case f.Folder != "":
		a.Folder = p.beside(f.Folder)
	case f.Git != nil:
		a.Git, err = p.git(*f.Git)
	case f.S3 != nil:
		a.S3, err = s3(*f.S3)
	case f.Timestamp != nil:
		a.Timestamp, err = p.timestamp(*f.Timestamp)
	default:
		a.Witness, err = witness(*f.Witness)
	}
	return a, err
}

var (
	branchName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$`) })
	// scp-like, see git-clone(1), "GIT URLS"; the user is never left out here,
	// and no part can be taken for an option.
	scpLike = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[A-Za-z0-9._][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^-\s:][^\s:]*$`)
	})
)

func (p *parse) git(g AnchorGit) (*AnchorGit, error) {
	if g.Branch == "" {
		g.Branch = "checkpoints"
	}
	if !branchName().MatchString(g.Branch) || strings.Contains(g.Branch, "..") || strings.Contains(g.Branch, "//") ||
		strings.HasSuffix(g.Branch, "/") || strings.HasSuffix(g.Branch, ".") || strings.HasSuffix(g.Branch, ".lock") {
		return nil, fmt.Errorf("git.branch is %q: want the name of a branch, such as checkpoints", g.Branch)
	}
	var err error
	g.Repository, err = p.repository(g.Repository)
	return &g, err
}

// repository takes the forms of git that carry no command and no password.
func (p *parse) repository(r string) (string, error) {
	scheme, _, isURL := strings.Cut(r, "://")
	switch {
	case r == "":
		return "", errors.New("git.repository is missing: a URL such as https://git.example.com/acme/checkpoints.git, or a path")
	case isURL && scheme == "ssh":
		u, err := url.Parse(r)
		if err != nil || u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-") || u.Path == "" {
			return "", errors.New("git.repository is no URL such as ssh://git@git.example.com/acme/checkpoints.git")
		}
		if _, has := u.User.Password(); has {
			return "", errors.New("git.repository holds a password: use a key")
		}
	case isURL:
		if err := validURL(r); err != nil {
			return "", fmt.Errorf("git.repository: %w", err)
		}
	case scpLike().MatchString(r):
	case strings.HasPrefix(r, "-") || strings.Contains(r, ":"):
		return "", errors.New("git.repository: want a URL (https, ssh), user@host:path, or a path")
	default:
		r = p.beside(r)
	}
	return r, nil
}

var (
	bucketName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`) })
	regionName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`) })
	prefixName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9!_.*'()/-]{0,512}$`) })
)

func s3(f fileS3) (*AnchorS3, error) {
	out := &AnchorS3{Bucket: f.Bucket, Prefix: strings.Trim(f.Prefix, "/"), Region: f.Region, Endpoint: f.Endpoint, Mode: f.Mode}
	retain, err := duration(f.Retain)
	out.Retain = retain
	switch {
	case !bucketName().MatchString(f.Bucket):
		return nil, fmt.Errorf("s3.bucket is %q: want the name of a bucket", f.Bucket)
	case !prefixName().MatchString(f.Prefix):
		return nil, fmt.Errorf("s3.prefix is %q: want letters, digits, - _ . and /", f.Prefix)
	case !regionName().MatchString(f.Region):
		return nil, fmt.Errorf("s3.region is %q: want a region such as eu-west-1", f.Region)
	case !slices.Contains([]string{"COMPLIANCE", "GOVERNANCE"}, f.Mode):
		return nil, fmt.Errorf("s3.mode is %q: want COMPLIANCE (nobody can shorten it) or GOVERNANCE", f.Mode)
	case err != nil:
		return nil, fmt.Errorf("s3.retain is %q: %w", f.Retain, err)
	case f.Endpoint != "":
		if err := validURL(f.Endpoint); err != nil {
			return nil, fmt.Errorf("s3.endpoint: %w", err)
		}
	}
	return out, nil
}

func (p *parse) timestamp(t AnchorTimestamp) (*AnchorTimestamp, error) {
	if err := validURL(t.URL); err != nil {
		return nil, fmt.Errorf("timestamp.url: %w", err)
	}
	if t.CA == "" {
		return nil, errors.New("timestamp.ca is missing: the file of the certificate (PEM) that its tokens must lead to")
	}
	t.CA = p.beside(t.CA)
	return &t, nil
}

// verifierKey is the form of a note verifier key: name+hash+key.
// https://c2sp.org/signed-note
var verifierKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[^+\s]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+=*$`) })

func witness(w AnchorWitness) (*AnchorWitness, error) {
	if err := validURL(w.URL); err != nil {
		return nil, fmt.Errorf("witness.url: %w", err)
	}
	if !verifierKey().MatchString(w.Key) {
		return nil, fmt.Errorf("witness.key is %q: want its verifier key, name+hash+key", w.Key)
	}
	return &w, nil
}

// validURL takes https, and http to this machine only; credentials do not
// belong into an address, which logs show.
func validURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("want a URL such as https://host/path")
	case u.User != nil || u.Fragment != "":
		return fmt.Errorf("the URL of %s: credentials and fragments do not belong into it", u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("the URL of %s: http is for this machine only; use https", u.Host)
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// beside makes a relative path relative to the folder of the file.
func (p *parse) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(p.path), path)
}
