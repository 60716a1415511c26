package ops

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// BridgeLetter implements Service.
func (o *Operations) BridgeLetter(ctx context.Context, req api.BridgeRequest) (*api.BridgeLetter, error) {
	s, err := o.openForRead()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c := s.config
	l := &letter{api.BridgeLetter{Organization: c.Organization, Period: periodOf(c), Type: c.Period.Type, Until: req.Until.UTC(), Warnings: []string{}}}
	if err := l.bounds(o.now().UTC()); err != nil {
		return nil, err
	}
	if err := l.log(s); err != nil {
		return nil, err
	}
	if err := o.judgeBridge(ctx, s, l); err != nil {
		return nil, err
	}
	var text strings.Builder
	l.draft(&text)
	l.Text = text.String()
	return &l.BridgeLetter, nil
}

// letter is a bridge letter in the making.
type letter struct{ api.BridgeLetter }

// maxBridge is how long a bridge letter is commonly taken for, in months.
const maxBridge = 3

// bounds checks what time the letter covers.
func (l *letter) bounds(now time.Time) error {
	end := l.Until.AddDate(0, 0, 1) // the day is covered whole
	switch {
	case now.Before(l.Period.To):
		return fmt.Errorf("the period has not ended: it ends on %s, and a bridge letter covers what follows it", l.Period.To.AddDate(0, 0, -1).Format(time.DateOnly))
	case !end.After(l.Period.To):
		return api.Errorf(api.Usage, "--until %s does not lie after the period, which ended on %s", l.Until.Format(time.DateOnly), l.Period.To.AddDate(0, 0, -1).Format(time.DateOnly))
	case l.Until.After(now):
		return api.Errorf(api.Usage, "--until %s lies in the future: nobody can say what has not happened", l.Until.Format(time.DateOnly))
	}
	l.Days = int(end.Sub(l.Period.To).Hours() / 24)
	if end.After(l.Period.To.AddDate(0, maxBridge, 0)) {
		l.Warnings = append(l.Warnings, fmt.Sprintf("the letter covers %d days, more than %d months: readers commonly take no longer one, and want a new report", l.Days, maxBridge))
	}
	return nil
}

// log takes from the log what changed since the period ended.
func (l *letter) log(s Store) error {
	l.Changes, l.Incidents = []api.LogFact{}, []api.LogFact{}
	end, inPeriod := l.Until.AddDate(0, 0, 1), uint64(0)
	for e, err := range s.Entries(0) {
		if err != nil {
			return err
		}
		if e.Recorded.Before(l.Period.To) {
			inPeriod = e.Index + 1
		}
		if e.Recorded.Before(l.Period.To) || !e.Recorded.Before(end) {
			continue
		}
		switch e.Type {
		case evidence.EntryConfig:
			l.Changes = append(l.Changes, api.LogFact{Entry: e.Index, At: e.Recorded, What: "another configuration of the collection came into force"})
		case evidence.EntryCatalogue:
			l.Changes = append(l.Changes, api.LogFact{Entry: e.Index, At: e.Recorded, What: "another catalogue of controls and tests came into force"})
		case evidence.EntryKey:
			l.Changes = append(l.Changes, api.LogFact{Entry: e.Index, At: e.Recorded, What: "the signing key of the log was changed"})
		case evidence.EntryUpload:
			if err := l.incident(e); err != nil {
				return err
			}
		}
	}
	return l.roots(s, inPeriod)
}

// roots takes the newest checkpoint, and the last one of the period.
func (l *letter) roots(s Store, inPeriod uint64) error {
	for cp, err := range s.Checkpoints() {
		if err != nil {
			return err
		}
		lines := strings.SplitN(string(cp.Signed), "\n", 4)
		if len(lines) < 4 {
			return fmt.Errorf("the checkpoint of %d entries has no root", cp.Size)
		}
		l.Entries, l.Root = cp.Size, lines[2]
		if cp.Size <= inPeriod {
			l.PeriodEntries, l.PeriodRoot = cp.Size, lines[2]
		}
	}
	return nil
}

// aboutIncidents is how the duties and controls begin under which incidents are
// stated; before controls were split there was one, incidents.
const aboutIncidents = "incident"

func (l *letter) incident(e evidence.Entry) error {
	act, ok, err := evidence.ActOf(e)
	if err != nil || !ok {
		return err
	}
	about := append(slices.Clone(act.Upload.Duties), act.Upload.Controls...)
	if slices.ContainsFunc(about, func(id string) bool { return strings.HasPrefix(id, aboutIncidents) }) {
		l.Incidents = append(l.Incidents, api.LogFact{Entry: e.Index, At: e.Recorded, What: fmt.Sprintf("%s, brought by %s as evidence of %s", act.Upload.Title, act.Upload.By, strings.Join(about, ", "))})
	}
	return nil
}

// judgeBridge judges the time since the period ended as a period of its own.
func (o *Operations) judgeBridge(ctx context.Context, s *session, l *letter) error {
	own := *s.config
	own.Period.From, own.Period.To = l.Period.To, l.Until.AddDate(0, 0, 1)
	at := own.Period.To
	if now := o.now().UTC(); now.Before(at) {
		at = now
	}
	past, err := s.judge.Past(ctx)
	if err != nil {
		return err
	}
	missed, err := missedBy(&own, s, past, at)
	if err != nil {
		return err
	}
	acts, err := s.judge.Acts(ctx)
	if err != nil {
		return err
	}
	cat, err := LoadCatalogue(&own)
	if err != nil {
		return err
	}
	res, err := evaluate(ctx, cat, &own, withMissedSlots{s, missed}, acts, at)
	if err != nil {
		return err
	}
	l.Slots, l.Scopes, l.Open = res.Slots, []result.Gap{}, []result.Gap{}
	for _, g := range res.Gaps {
		open := g.State == result.Open || g.State == result.Accepted
		switch {
		case g.Kind == result.Scope && !g.FirstSeen.Before(own.Period.From):
			l.Scopes = append(l.Scopes, g)
		case open && g.Kind != result.DutyGap && (g.Severity == "critical" || g.Severity == "high"):
			l.Open = append(l.Open, g)
		}
	}
	slices.SortStableFunc(l.Open, func(a, b result.Gap) int { return cmp.Compare(severity(a.Severity), severity(b.Severity)) })
	return nil
}

func (l *letter) draft(w io.Writer) {
	p := func(text string, args ...any) { fmt.Fprintf(w, text+"\n", args...) }
	first, last := l.Period.To.Format(time.DateOnly), l.Until.Format(time.DateOnly)
	p("DRAFT of a bridge letter. What stands between [[ and ]] only management can say; nothing here is an opinion of an auditor.\n")
	p("[[letterhead, date]]\n\nTo whom it may concern\n")
	p("%s was examined under SOC 2 Type %s for the period from %s to %s. [[name of the auditor, date and opinion of the report]]", evidence.Printable(l.Organization), l.Type,
		l.Period.From.Format(time.DateOnly), l.Period.To.AddDate(0, 0, -1).Format(time.DateOnly))
	p("This letter covers the %d days from %s to %s.\n", l.Days, first, last)
	if l.PeriodRoot != "" {
		p("The log of what was collected had %d entries when the period ended, with the root %s. [[the bundle of the period that the auditor was given]]", l.PeriodEntries, l.PeriodRoot)
	}
	p("It has only been added to since, and has %d entries now, with the root %s.", l.Entries, l.Root)
	p("In those days %d slots of evidence were expected: %d were collected, %d late, %d in part, %d failed and %d were missed.\n", l.Slots.Expected, l.Slots.Collected, l.Slots.Late, l.Slots.Partial, l.Slots.Failed, l.Slots.Missed)
	l.facts(w, "Changes that the log knows of", "The log has no change of its configuration, catalogue or key in those days.", l.Changes)
	l.gaps(w, "Accounts, organisations and other scopes that appeared, vanished or were not collected", "The log has none in those days.", l.Scopes)
	l.gaps(w, "Open gaps of critical or high severity", "The log has none that is open.", l.Open)
	l.facts(w, "Statements about incidents", "Nothing was brought to the log about incidents in those days. That is no statement that there were none.", l.Incidents)
	p("[[Whether there were material changes to the system, the controls or the people who operate them that the log cannot know]]\n")
	p("[[Whether there were incidents that affected the commitments and requirements of the service]]\n")
	p("[[Whether management knows of anything else that would change the conclusions of the report]]\n")
	p("This letter does not take the place of the report, and readers should rely on it for that time only.\n")
	p("[[name, title and signature of management]]")
}

func (l *letter) facts(w io.Writer, title, none string, facts []api.LogFact) {
	fmt.Fprintf(w, "%s\n", title)
	for _, f := range facts {
		fmt.Fprintf(w, "  - %s, entry %d: %s\n", f.At.Format(time.DateOnly), f.Entry, evidence.Printable(f.What))
	}
	if len(facts) == 0 {
		fmt.Fprintf(w, "  %s\n", none)
	}
	fmt.Fprintln(w)
}

func (l *letter) gaps(w io.Writer, title, none string, gaps []result.Gap) {
	fmt.Fprintf(w, "%s\n", title)
	for _, g := range gaps {
		fmt.Fprintf(w, "  - %s, %s, since %s, %s: %s, %s [[what is done about it]]\n", g.ID, g.Severity, g.FirstSeen.Format(time.DateOnly), g.State, evidence.Printable(api.Subject(g)), evidence.Printable(g.Reason))
	}
	if len(gaps) == 0 {
		fmt.Fprintf(w, "  %s\n", none)
	}
	fmt.Fprintln(w)
}
