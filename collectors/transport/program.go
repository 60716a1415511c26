package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// The door's second entrance asks a program of this machine, where the source
// is no server: a git repository, a directory that a command line reads. What
// holds for requests holds for it: only declared calls, in a fixed environment,
// bounded in bytes and time, recorded without credentials, and played back.

// Process is one program to run.
type Process struct {
	Args  []string
	Env   []string
	Limit int64 // of what it may write, in bytes
	// Complaints are the words that are kept of its standard error (Spec.Complaints).
	Complaints []string
	// Prepare looks at what the program is to read, and may say by another name where it
	// is; nil where there is nothing to look at.
	Prepare func(args []string) ([]string, error)
}

const programURL = "exec:" // how the addresses of such exchanges begin

// programs are the declared calls of programs, split into arguments.
type programs struct {
	calls      []declaredProgram
	env        []string
	complaints []string
	prepare    func(args []string) ([]string, error)
}

type declaredProgram struct {
	name string
	args []string
}

func newPrograms(spec collectors.Spec, cfg collectors.Config) programs {
	p := programs{env: spec.Environment, complaints: spec.Complaints}
	if v, ok := cfg.(collectors.Preparing); ok {
		p.prepare = v.Prepare
	}
	for _, c := range spec.Calls {
		if c.IsProgram() {
			p.calls = append(p.calls, declaredProgram{c.Name, strings.Split(c.Name, " ")[1:]})
		}
	}
	return p
}

// identify returns the declared call that args are.
func (p programs) identify(args []string) (string, error) {
	i := slices.IndexFunc(p.calls, func(c declaredProgram) bool { return slices.EqualFunc(c.args, args, argumentFits) })
	if i < 0 {
		return "", fmt.Errorf("%w: the program call %.200q is not a declared one", collectors.ErrForbidden, args)
	}
	return p.calls[i].name, nil
}

// argumentFits compares with a fixed argument, or with one that ends in {name},
// where anything may stand that is no option.
func argumentFits(declared, arg string) bool {
	fixed, name, open := strings.Cut(declared, "{")
	if !open || !strings.HasSuffix(name, "}") {
		return declared == arg
	}
	rest, ok := strings.CutPrefix(arg, fixed)
	return ok && rest != "" && rest[0] != '-' && !strings.ContainsRune(rest, 0)
}

// run implements Env.Run.
func (g *gateway) run(ctx context.Context, args ...string) (collectors.Reply, error) {
	x, rec, err := g.admitProgram(ctx, args)
	if err != nil {
		return collectors.Reply{}, err
	}
	if err := g.limits.acquire(ctx, x.URL); err != nil {
		return collectors.Reply{}, fmt.Errorf("waiting to run %s: %w", args[0], err)
	}
	defer g.limits.release(x.URL, false)
	x.Started = g.opt.Now()
	reply, err := g.runWithin(ctx, x, args)
	if err == nil {
		err = withinBudget([]byte(reply.Out))
	}
	if errors.Is(err, errTooMuch) {
		reply.Out = ""
	}
	x.Ended = g.opt.Now()
	g.cleanReply(&x, &reply)
	if err != nil {
		err = g.classifyProgramError(ctx, x.Call, err)
		x.Error = g.redact.text(err.Error())
	} else {
		x.Exit, x.Error = &reply.Exit, reply.Err
	}
	rec.add(x)
	g.log.Debug("ran", "call", x.Call, "failed", err != nil || reply.Exit != 0)
	return reply, err
}

// admitProgram returns the exchange as far as it is known before the answer.
func (g *gateway) admitProgram(ctx context.Context, args []string) (x evidence.Exchange, rec *recorder, err error) {
	if rec = recorderOf(ctx); rec == nil {
		return x, nil, fmt.Errorf("%w: a program run outside of a capture", collectors.ErrForbidden)
	}
	if err := rec.room(g.opt.MaxCapture); err != nil {
		return x, nil, fmt.Errorf("%w: %w", collectors.ErrIncomplete, err)
	}
	if x.Call, err = g.programs.identify(args); err != nil {
		return x, nil, err
	}
	text, err := json.Marshal(args)
	if err != nil {
		return x, nil, fmt.Errorf("the arguments of %s: %w", x.Call, err)
	}
	x.Scope = collectors.ScopeFromContext(ctx)
	x.Method, x.URL, x.Request, x.Attempt = strings.TrimSpace(collectors.ProgramCall), programURL+args[0], g.redact.text(string(text)), 1
	return x, rec, nil
}

func (g *gateway) runWithin(ctx context.Context, x evidence.Exchange, args []string) (collectors.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, g.opt.AttemptTimeout)
	defer cancel()
	return g.opt.Run(context.WithValue(ctx, requestKey{}, x), Process{Args: args, Env: g.programs.env, Limit: g.opt.MaxBody, Complaints: g.programs.complaints, Prepare: g.programs.prepare})
}

// cleanReply removes credentials from a reply before anyone sees it: what the
// collector reads is what is stored, so that it reads the same again.
func (g *gateway) cleanReply(x *evidence.Exchange, r *collectors.Reply) {
	out, removed := g.redact.output(r.Out)
	clean := withoutCredentials(out)
	if clean != out {
		removed = union(removed, []string{credential})
	}
	r.Out, r.Err = clean, strings.ToValidUTF8(g.redact.text(withoutCredentials(r.Err)), "\uFFFD")
	x.Redacted = removed
	if utf8.ValidString(clean) {
		x.Body = clean
	} else {
		x.Binary = []byte(clean)
	}
}

// output is body for what a program wrote. Fields are looked for in documents
// only: in a text that merely quotes one, what seems a value may have no end.
func (r *redactor) output(text string) (string, []string) {
	if lead := strings.TrimSpace(text); lead != "" && strings.IndexByte("{[<", lead[0]) >= 0 {
		clean, removed := r.body("", []byte(text))
		return string(clean), removed
	}
	clean := r.text(text)
	if clean != text {
		return clean, []string{credential}
	}
	return clean, nil
}

// address finds what looks like a URL in a text.
var address = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`://[^\s"'<>]+`) })

var (
	userInfo   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^://[^/]*@`) })
	queryToken = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)([?&](?:` + strings.Join(signedQuery, "|") + `)=)[^&#]+`)
	})
)

// withoutCredentials removes the user and the tokens from every URL in a text.
func withoutCredentials(text string) string {
	return address().ReplaceAllStringFunc(text, func(a string) string {
		if !strings.ContainsAny(a, "@?") {
			return a
		}
		return queryToken().ReplaceAllString(userInfo().ReplaceAllString(a, "://"+collectors.Redacted+"@"), "${1}"+collectors.Redacted)
	})
}

func (g *gateway) classifyProgramError(ctx context.Context, call string, err error) error {
	switch ended := ctx.Err(); {
	case ended != nil:
		return fmt.Errorf("%s: %w", call, ended)
	case errors.Is(err, errTooLong), errors.Is(err, errTooMuch):
		return fmt.Errorf("%w: %s: %w", collectors.ErrIncomplete, call, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %s: no end within %s", collectors.ErrUnreachable, call, g.opt.AttemptTimeout.Round(time.Second))
	case collectors.Classified(err):
		return err
	}
	return fmt.Errorf("%w: %s: %w", collectors.ErrUnreachable, call, err)
}

// maxComplaint bounds what is kept of a program's standard error.
const maxComplaint = 4 << 10

// RunProgram runs a program to its end, in the root folder, with no input. It is
// what a door does whose options name nothing else.
func RunProgram(ctx context.Context, p Process) (_ collectors.Reply, err error) {
	if p.Prepare != nil {
		if p.Args, err = p.Prepare(p.Args); err != nil {
			return collectors.Reply{}, err
		}
	}
	cmd := exec.CommandContext(ctx, p.Args[0], p.Args[1:]...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = p.Env, string(filepath.Separator), time.Second
	out, complaint := &limitedBuffer{limit: p.Limit}, &limitedBuffer{limit: maxComplaint, drop: true}
	cmd.Stdout, cmd.Stderr = out, complaint
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return collectors.Reply{}, ctx.Err()
	case out.over:
		return collectors.Reply{}, fmt.Errorf("%w: over %d bytes", errTooLong, p.Limit)
	case errors.As(err, &exit) && exit.Exited():
		return collectors.Reply{Exit: exit.ExitCode(), Out: strings.Clone(out.b.String()), Err: evidence.KnownWords(complaint.b.String(), p.Complaints)}, nil
	}
	return collectors.Reply{Out: strings.Clone(out.b.String()), Err: evidence.KnownWords(complaint.b.String(), p.Complaints)}, err
}

// limitedBuffer keeps what is written, up to its limit. Beyond it, it drops the rest
// or ends the writing.
type limitedBuffer struct {
	limit int64
	drop  bool
	over  bool
	b     strings.Builder
}

// Write implements io.Writer.
func (w *limitedBuffer) Write(p []byte) (int, error) {
	room := w.limit - int64(w.b.Len())
	w.over = int64(len(p)) > room
	kept, err := w.b.Write(p[:min(int64(len(p)), max(room, 0))])
	if err != nil || w.over && !w.drop {
		return kept, errTooLong
	}
	return len(p), nil
}
