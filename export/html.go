package export

import (
	"cmp"
	_ "embed"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

//go:embed index.css
var css string

// page builds HTML. Every value is escaped where it is written; there is no
// script in a bundle.
type page struct{ strings.Builder }

// put writes markup in which every %s is escaped.
func (p *page) put(markup string, values ...any) {
	escaped := make([]any, len(values))
	for i, v := range values {
		escaped[i] = html.EscapeString(fmt.Sprint(v))
	}
	fmt.Fprintf(&p.Builder, markup, escaped...)
}

// index writes index.html: self-contained, readable from file://, without script.
func (b *derived) index() error {
	var p page
	b.head(&p)
	b.summary(&p)
	if b.Type != TypeI {
		b.heatMap(&p)
	}
	b.gapTable(&p)
	b.controlSections(&p)
	b.streamTable(&p)
	p.put("<footer>README.txt says how to check this bundle, with and without our program.</footer></main></body></html>\n")
	return b.file("index.html", func(w io.Writer) error { _, err := io.WriteString(w, p.String()); return err })
}

func (b *derived) head(p *page) {
	p.put(`<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">`+
		`<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><title>%s: SOC 2 evidence</title>`, b.Organization)
	p.WriteString("<style>" + css + "</style></head><body><main>")
	p.put(`<h1>%s</h1><p class="sub">SOC 2 evidence, Type %s, %s UTC</p>`, b.Organization, b.Type, b.when())
	if b.Controls != nil {
		p.put(`<p class="sub">Of these controls alone: %s</p>`, strings.Join(b.Controls, ", "))
	}
}

// when says what time the bundle speaks of.
func (b *derived) when() string {
	at := "as of " + b.Result.AsOf.Format("2006-01-02 15:04:05")
	if b.Type == TypeI {
		return at
	}
	return b.dates() + ", " + at
}

// dates are the first and the last day of the period.
func (b *derived) dates() string {
	p := b.Result.Period
	return p.From.Format(time.DateOnly) + " to " + p.To.AddDate(0, 0, -1).Format(time.DateOnly)
}

func (b *derived) summary(p *page) {
	if b.Type == TypeI {
		p.put(`<dl class="facts"><div><dt>gaps open on that day</dt><dd>%s</dd></div></dl>`, len(b.Result.Gaps))
		return
	}
	s := b.Result.Slots
	open := 0
	for _, g := range b.Result.Gaps {
		if g.State == result.Open {
			open++
		}
	}
	p.put(`<dl class="facts">`)
	for _, f := range [][2]any{{"slots expected", s.Expected}, {"collected", s.Collected}, {"late", s.Late}, {"partial", s.Partial},
		{"failed", s.Failed}, {"missed", s.Missed}, {"gaps in the period", len(b.Result.Gaps)}, {"still open", open}} {
		p.put(`<div><dt>%s</dt><dd>%s</dd></div>`, f[0], f[1])
	}
	p.put(`</dl>`)
}

// cells gives the class, the letter and the word of a day. Each has a colour,
// a height and a letter of its own, so that none is told by colour alone.
var cells = map[byte][3]string{
	result.DayPass: {"pass", "P", "pass"}, result.DayFail: {"fail", "F", "fail"},
	result.DayUnknown: {"blind", "U", "not known"}, result.DayManual: {"manual", "M", "evidence that a person brought"}, result.DayNone: {"none", "·", "nothing due"},
}

func (b *derived) heatMap(p *page) {
	p.put(`<h2>The period, day by day</h2><p class="legend"><i class="pass">P</i> pass <i class="fail">F</i> fail <i class="blind">U</i> not known <i class="manual">M</i> evidence that a person brought <i class="none">·</i> nothing due; hover for the day</p>`)
	p.put(`<div class="scroll"><table class="heat"><thead><tr><th>control</th><th>days, from %s</th><th>status</th><th>coverage</th></tr></thead>`, b.Result.Period.From.Format(time.DateOnly))
	for _, f := range b.Judged().Families() {
		p.put(`<tbody><tr class="family"><th colspan="4"><a href="#family-%s">%s</a></th></tr>`, f.ID, f.Title)
		var without []catalogue.Control
		for _, c := range f.Controls {
			if r := b.controlResult(c.ID); r.Status == result.ManualEvidence && strings.Trim(r.Days, string(result.DayNone)) == "" {
				without = append(without, c)
			} else {
				b.heatRow(p, c, r)
			}
		}
		p.without(without)
		p.put(`</tbody>`)
	}
	p.put(`</table></div>`)
}

func (b *derived) heatRow(p *page, c catalogue.Control, r result.ControlResult) {
	p.put(`<tr><th><a href="#%s" title="%s">%s</a></th><td class="days">`, c.ID, c.Title, c.ID)
	b.days(p, r.Days)
	p.put(`</td><td title="%s">%s</td><td class="num">%s</td></tr>`, words(string(r.Status)), cmp.Or(briefly[r.Status], string(r.Status)), covered(r))
}

// covered tells the coverage of tests and of activities apart.
func covered(r result.ControlResult) string {
	switch {
	case r.Coverage == nil && r.Activities == nil:
		return ""
	case r.Activities == nil:
		return percent(*r.Coverage)
	case r.Coverage == nil:
		return percent(*r.Activities) + " of activities"
	}
	return percent(*r.Coverage) + "; " + percent(*r.Activities) + " of activities"
}

// briefly are statuses that are too long to stand beside the days.
var briefly = map[result.Verdict]string{result.Provided: "provided", result.ManualEvidence: "none", result.NotApplicable: "n/a", result.DidNotOccur: "none"}

// without names the controls of which nothing was seen and nothing was due, in one row.
func (p *page) without(controls []catalogue.Control) {
	if len(controls) == 0 {
		return
	}
	p.put(`<tr class="without"><td colspan="4">no evidence:`)
	for _, c := range controls {
		p.put(` <a href="#%s" title="%s">%s</a>`, c.ID, c.Title, c.ID)
	}
	p.put(`</td></tr>`)
}

func (b *derived) days(p *page, days string) {
	for i := range len(days) {
		cell := cells[days[i]]
		p.put(`<i class="%s" title="%s: %s">%s</i>`, cell[0], b.Result.Period.From.AddDate(0, 0, i).Format(time.DateOnly), cell[2], cell[1])
	}
}

func (b *derived) gapTable(p *page) {
	title := "Gaps of the period"
	if b.Type == TypeI {
		title = "Gaps open on that day"
	}
	p.put(`<h2>%s</h2><p>A gap that was fixed stays here. Its true start lies between “not before” and “first seen”, its true end between “last seen” and “fixed by”.</p>`, title)
	p.put(`<div class="scroll"><table class="gaps"><thead><tr><th>id</th><th>severity</th><th>state</th><th>what</th><th>where</th><th>not before</th><th>first seen</th><th>last seen</th><th>fixed by</th><th>SLA due</th></tr></thead><tbody>`)
	for _, g := range b.Result.Gaps {
		what := g.Test
		if what == "" {
			what = string(g.Kind)
		}
		where := g.Name
		if where == "" {
			where = g.Stream
		}
		p.put(`<tr class="%s"><td>%s</td><td>%s</td><td>%s</td><td>%s<small>%s</small></td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>`,
			g.State, g.ID, g.Severity, words(string(g.State)), what, answered(g), where, minute(g.NotBefore), minute(&g.FirstSeen), minute(&g.LastSeen), minute(g.FixedBy), minute(g.SLADue))
	}
	p.put(`</tbody></table></div>`)
}

// answered gives the reason of a gap and what management says of it.
func answered(g result.Gap) string {
	if g.Response == "" {
		return g.Reason
	}
	return g.Reason + " — management: " + g.Response
}

// minute writes a time for the page, to the minute; the CSV files hold the seconds.
func minute(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func (b *derived) controlSections(p *page) {
	p.put(`<h2>Controls</h2><p><a href="controls/matrix.csv">All of them in one table</a></p><nav>`)
	families := b.Judged().Families()
	for _, f := range families {
		p.put(`<a href="#family-%s">%s</a> `, f.ID, f.Title)
	}
	p.put(`</nav>`)
	for _, f := range families {
		p.put(`<h3 id="family-%s" class="family">%s</h3>`, f.ID, f.Title)
		for _, c := range f.Controls {
			b.controlSection(p, c)
		}
	}
	b.manual(p)
}

func (b *derived) controlSection(p *page, c catalogue.Control) {
	r := b.controlResult(c.ID)
	p.put(`<section id="%s"><h4>%s <small>%s</small></h4><p>%s</p>`, c.ID, c.Title, words(string(r.Status)), c.Description)
	found := fmt.Sprintf("%d of %d items deviated, %d times", r.Deviating, r.Population, r.Deviations)
	if b.Type == TypeI {
		found = fmt.Sprintf("%d deviations open", r.Open)
	}
	p.put(`<p class="sub">%s · criteria %s · %s · <a href="controls/%s/control.txt">procedure</a> · <a href="controls/%s/gaps.csv">gaps</a></p>`,
		c.ID, strings.Join(r.Criteria, ", "), found, c.ID, c.ID)
	if len(c.Tests) > 0 {
		b.testTable(p, c)
	}
	b.dutyTable(p, c)
	p.put(`</section>`)
}

func (b *derived) testTable(p *page, c catalogue.Control) {
	if b.Type == TypeI {
		p.put(`<table><thead><tr><th>test</th><th>passes when</th><th>verdict</th><th>open deviations</th></tr></thead><tbody>`)
		for _, t := range c.Tests {
			tr := b.testResult(t.ID)
			p.put(`<tr><td title="%s">%s</td><td>%s</td><td>%s</td><td class="num">%s</td></tr>`, t.Pass, t.ID, t.Title, words(string(tr.Now)), tr.Open)
		}
		p.put(`</tbody></table>`)
		return
	}
	p.put(`<table><thead><tr><th>test</th><th>passes when</th><th>period</th><th>now</th><th>population</th><th>deviations</th><th>coverage</th></tr></thead><tbody>`)
	for _, t := range c.Tests {
		tr := b.testResult(t.ID)
		p.put(`<tr><td title="%s">%s</td><td>%s</td><td>%s</td><td>%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td></tr>`,
			t.Pass, t.ID, t.Title, words(string(tr.Period)), words(string(tr.Now)), tr.Population, tr.Deviations, percent(tr.Coverage))
	}
	p.put(`</tbody></table>`)
}

// dutyTable lists what people owe for a control, and the files that prove it.
func (b *derived) dutyTable(p *page, c catalogue.Control) {
	all := b.occurrences(c)
	if len(all) == 0 {
		return
	}
	p.put(`<table><thead><tr><th>duty</th><th>evidence</th><th>occurrence</th><th>due</th><th>state</th><th>done</th><th>by</th></tr></thead><tbody>`)
	for _, o := range all {
		i := slices.IndexFunc(c.Duties, func(d catalogue.Duty) bool { return d.ID == o.Duty })
		p.put(`<tr><td>%s</td><td>%s<small>%s</small></td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>`,
			o.Duty, c.Duties[i].Title, c.Duties[i].Evidence, o.Label, minute(&o.Due), string(o.State), minute(o.Performed), o.By)
	}
	p.put(`</tbody></table>`)
}

// manual names the criteria that no automated test speaks for.
func (b *derived) manual(p *page) {
	var without []string
	for _, c := range b.Result.Criteria {
		if c.Status == result.ManualEvidence {
			without = append(without, c.Criterion)
		}
	}
	p.put(`<section><h3>Criteria that need manual evidence</h3><p>%s</p><p><a href="evidence/manual.csv">What people brought</a> · <a href="decisions.csv">what they decided</a></p></section>`, strings.Join(without, ", "))
}

func (b *derived) streamTable(p *page) {
	if b.Type == TypeI {
		p.put(`<h2>Streams</h2><p><a href="evidence/index.csv">Every slot with its IPE</a></p><div class="scroll"><table><thead><tr><th>stream</th><th>last read whole</th></tr></thead><tbody>`)
		for _, s := range b.Result.Streams {
			p.put(`<tr><td>%s</td><td>%s</td></tr>`, s.Stream, minute(s.LastComplete))
		}
		p.put(`</tbody></table></div>`)
		return
	}
	p.put(`<h2>Streams</h2><p><a href="evidence/index.csv">Every slot with its IPE</a></p><div class="scroll"><table><thead><tr><th>stream</th><th>expected</th><th>collected</th><th>late</th><th>partial</th><th>failed</th><th>missed</th><th>coverage</th></tr></thead><tbody>`)
	for _, s := range b.Result.Streams {
		n := s.Slots
		p.put(`<tr><td>%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td><td class="num">%s</td></tr>`,
			s.Stream, n.Expected, n.Collected, n.Late, n.Partial, n.Failed, n.Missed, percent(s.Coverage))
	}
	p.put(`</tbody></table></div>`)
}
