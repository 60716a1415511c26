package timeline

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// Timeline is one archive, read.
type Timeline struct {
	// Name is that of the file, for messages.
	Name   string
	Period result.Period
	AsOf   time.Time
	// Only is a pattern of the tests whose gaps are printed; empty for all.
	Only string

	// interleaved: the runs stand by stream, and are logged by the time of their observation.
	interleaved bool
	roots       map[string]evidence.Kind
	acts        []evidence.Act
	log         memory
	controls    files
	comment     string
	sections    []section
}

// mistake is an error with its place.
type mistake struct{ error }

func (t *Timeline) at(line int, err error) error {
	return mistake{fmt.Errorf("%s:%d: %w", t.Name, line, err)}
}

// Parse reads an archive. An error names the file and the line.
func Parse(name string, data []byte) (*Timeline, error) {
	t := &Timeline{Name: name, roots: map[string]evidence.Kind{}, controls: files{}}
	t.comment, t.sections = split(data)
	for _, s := range t.sections {
		var err error
		switch {
		case s.name == "setup":
			err = t.parseSetup(s)
		case s.name == "runs":
			err = t.parseRuns(s)
		case strings.HasSuffix(s.name, ".yaml"):
			t.controls[s.name] = []byte(s.text)
		case !slices.Contains(Sections, s.name):
			err = t.at(s.line-1, fmt.Errorf("section %q is none of setup, runs, a .yaml file, %s", s.name, strings.Join(Sections, ", ")))
		}
		if err != nil {
			return nil, err
		}
	}
	if t.AsOf.IsZero() || !t.Period.From.Before(t.Period.To) {
		return nil, t.at(1, fmt.Errorf("the setup needs the lines `period FROM TO`, the one before the other, and `as-of TIME`"))
	}
	if t.interleaved {
		slices.SortStableFunc(t.log.runs, func(a, b evidence.Run) int { return a.Observed().Compare(b.Observed()) })
	}
	return t, nil
}

func (t *Timeline) parseSetup(s section) error {
	n := s.line
	for line := range strings.Lines(s.text) {
		if f := strings.Fields(line); len(f) > 0 {
			if err := t.set(f); err != nil {
				return t.at(n, err)
			}
		}
		n++
	}
	return nil
}

func (t *Timeline) set(f []string) (err error) {
	switch {
	case len(f) == 3 && f[0] == "period":
		if t.Period.From, err = moment(f[1]); err == nil {
			t.Period.To, err = moment(f[2])
		}
	case len(f) == 2 && f[0] == "as-of":
		t.AsOf, err = moment(f[1])
	case len(f) == 3 && f[0] == "root":
		t.roots[f[1]] = evidence.Kind(f[2])
	case len(f) == 1 && f[0] == "interleaved":
		t.interleaved = true
	case len(f) == 2 && f[0] == "only":
		t.Only = f[1]
	case len(f) == 4 && f[0] == "accept":
		err = t.accept(f[1], f[2], f[3])
	case len(f) >= 4 && f[0] == "done":
		err = t.done(f)
	default:
		err = fmt.Errorf("%q is no line of a setup: period FROM TO, as-of TIME, root SOURCE KIND, interleaved, only PATTERN, accept GAP UNTIL AT, done DUTY DAY AT [for=LABEL] [until=DAY]", strings.Join(f, " "))
	}
	return err
}

func (t *Timeline) accept(id, until, at string) error {
	end, err := moment(until)
	if err != nil {
		return err
	}
	begin, err := moment(at)
	t.acts = append(t.acts, evidence.Act{At: begin, Decision: &evidence.Decision{Verb: evidence.Accept, Gap: id, Reason: "known", Approver: "ann", Until: &end}})
	return err
}

// done reads the line "done DUTY EFFECTIVE RECORDED [for=LABEL] [until=TIME]".
func (t *Timeline) done(f []string) (err error) {
	u := &evidence.Upload{Title: "t", By: "bob", Duties: []string{f[1]}}
	if u.Effective, err = moment(f[2]); err != nil {
		return err
	}
	for _, w := range f[4:] {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "for":
			u.Occurrence = v
		case "until":
			at, err := moment(v)
			if err != nil {
				return err
			}
			u.Expires = &at
		default:
			return fmt.Errorf("%q is neither for=LABEL nor until=DAY", w)
		}
	}
	at, err := moment(f[3])
	t.acts = append(t.acts, evidence.Act{At: at, Upload: u})
	return err
}

// year is the one of a time that does not say its own.
const year = "2026-"

// moment reads 2026-07-01T06:00, or 2026-07-01 for 06:00 of that day; either without its year.
func moment(s string) (time.Time, error) {
	text := s
	if day, _, _ := strings.Cut(text, "T"); len(day) == len("07-01") {
		text = year + text
	}
	if !strings.Contains(text, "T") {
		text += "T06:00"
	}
	at, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		return at, fmt.Errorf("%q is no time such as 07-01, 07-01T06:00 or 2026-07-01T06:00", s)
	}
	return at, nil
}

func (t *Timeline) parseRuns(s section) error {
	head, headLine, n := "", 0, s.line
	var records []string
	flush := func() error {
		if head == "" {
			if strings.Join(records, "") != "" {
				return t.at(s.line, fmt.Errorf("a record, which is set in, stands under a run"))
			}
			return nil
		}
		err := t.addRuns(strings.Fields(head), records, headLine)
		records = nil
		return err
	}
	for line := range strings.Lines(s.text) {
		line, _, _ = strings.Cut(strings.TrimRight(line, "\n"), "# ")
		switch {
		case strings.TrimSpace(line) == "":
			records = append(records, "") // so that lines can be counted
		case line[0] == ' ' || line[0] == '\t':
			records = append(records, strings.TrimSpace(line))
		default:
			if err := flush(); err != nil {
				return err
			}
			head, headLine, records = line, n, nil
		}
		n++
	}
	return flush()
}

// addRuns adds the runs of one line, with the records below it.
func (t *Timeline) addRuns(f, lines []string, line int) error {
	if len(f) < 3 {
		return t.at(line, fmt.Errorf("a run is DUE[..DUE][+DURATION] STREAM OUTCOME, and more words if need be"))
	}
	from, to, lag, err := due(f[0])
	if err != nil {
		return t.at(line, err)
	}
	run, err := parseRun(f)
	if err != nil {
		return t.at(line, err)
	}
	var records []evidence.Record
	for i, text := range lines {
		if text == "" {
			continue
		}
		r, err := parseRecord(run.Stream.Kind, text)
		if err != nil {
			return t.at(line+1+i, err)
		}
		records = append(records, r)
	}
	for at := from; !at.After(to); at = at.AddDate(0, 0, 1) {
		if err := t.log.add(run.at(at, lag), records); err != nil {
			return t.at(line, err)
		}
	}
	return nil
}

// maxRuns bounds the runs of one line.
const maxRuns = 3700

func due(text string) (from, to time.Time, lag time.Duration, err error) {
	when, after, delayed := strings.Cut(text, "+")
	lag = time.Minute
	if delayed {
		if lag, err = time.ParseDuration(after); err != nil {
			return from, to, lag, err
		}
	}
	first, last, ranged := strings.Cut(when, "..")
	if from, err = moment(first); err != nil || !ranged {
		return from, from, lag, err
	}
	if to, err = moment(last); err == nil && (to.Before(from) || to.Sub(from) > maxRuns*24*time.Hour) {
		err = fmt.Errorf("%q goes back, or over more than %d days", text, maxRuns)
	}
	return from, to, lag, err
}

// template is a run whose time is still open.
type template struct{ evidence.Run }

func (r template) at(due time.Time, lag time.Duration) evidence.Run {
	run := r.Run
	run.Due = due
	if run.Certificate != nil {
		c := *run.Certificate
		c.Started, c.Ended = due, due.Add(lag)
		run.Certificate = &c
	}
	return run
}

var outcomes = []evidence.Outcome{evidence.Collected, evidence.Late, evidence.Partial, evidence.Failed, evidence.Missed}

func parseRun(f []string) (r template, err error) {
	stream, err := evidence.ParseStream(f[1])
	if err != nil {
		return r, err
	}
	r.Run = evidence.Run{Slot: evidence.Slot{Stream: stream, Trigger: evidence.Scheduled}, Outcome: evidence.Outcome(f[2])}
	if !slices.Contains(outcomes, r.Outcome) {
		return r, fmt.Errorf("outcome %q is none of collected, late, partial, failed, missed", f[2])
	}
	if r.Outcome.Complete() || r.Outcome == evidence.Partial {
		r.Certificate = &evidence.Certificate{Complete: r.Outcome.Complete()}
	}
	for _, word := range f[3:] {
		if err := r.say(word); err != nil {
			return r, err
		}
	}
	return r, nil
}

// say applies one word of a run.
func (r *template) say(word string) (err error) {
	name, value, _ := strings.Cut(word, "=")
	if r.Certificate == nil && (name == "window" || name == "kept" || name == "uncertified") {
		return fmt.Errorf("%s: a %s run has no certificate", word, r.Outcome)
	}
	switch name {
	case "window":
		from, to, _ := strings.Cut(value, ",")
		w := &evidence.Window{}
		if w.From, err = moment(from); err == nil {
			w.To, err = moment(to)
		}
		r.Certificate.Window = w
	case "kept":
		r.Certificate.KeptDays, err = strconv.Atoi(value)
	case "demanded":
		r.Trigger = evidence.OnDemand
	case "uncertified":
		r.Certificate.Complete = false
	default:
		class, detail, _ := strings.Cut(word, ":")
		r.Reason = &evidence.Reason{Class: evidence.Class(class), Detail: detail}
	}
	return err
}

var recordLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(\S+)((?: +(?:name|at|in)=\S+)*) *(\{.*\})?$`) })

func parseRecord(kind evidence.Kind, line string) (r evidence.Record, err error) {
	m := recordLine().FindStringSubmatch(line)
	if m == nil {
		return r, fmt.Errorf("%q is no record: ID [name=NAME] [at=TIME] [in=SCOPE] {JSON attributes}", line)
	}
	r = evidence.Record{Kind: kind, ID: m[1], Name: m[1], Attributes: map[string]any{}}
	for _, w := range strings.Fields(m[2]) {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "name":
			r.Name = v
		case "at":
			at, err := moment(v)
			if err != nil {
				return r, err
			}
			r.Effective = &at
		case "in":
			r.Scope = evidence.Scope(v)
		}
	}
	if m[3] != "" {
		if err := json.Unmarshal([]byte(m[3]), &r.Attributes); err != nil {
			return r, fmt.Errorf("the attributes are no JSON: %w", err)
		}
	}
	return r, r.Validate()
}
