package simulator

import (
	"fmt"
	"time"
)

// Duty is recurring work that the company is held to: once in every month,
// quarter or year, or with proof that is never older than so many days.
type Duty struct {
	ID         string
	Per        string
	WithinDays int
	GraceDays  int
	// Early tells that a window may be done before it has ended.
	Early bool
}

// Deed is one time that somebody did a duty and brought the proof.
type Deed struct {
	Duty string
	// Occurrence names what it is for, where it is late.
	Occurrence string
	Effective  time.Time
	Recorded   time.Time
	By         string
	Text       string
}

// Duties lets the company do its duties. Where things go wrong, one that recurs
// is done late, one is missed, and one proof is never renewed. It gives what was
// done, in order of duty, and what was planted.
func (c *Company) Duties(all []Duty) (deeds []Deed, planted []Planted) {
	n := &clerk{c: c, d: newDice(c.opts.Seed, 9), wrong: map[string]string{}}
	if c.opts.Plant {
		n.goWrong(all)
	}
	for _, d := range all {
		if d.Per == "" {
			n.renew(d)
		} else {
			n.recur(d)
		}
	}
	return n.deeds, n.planted
}

// clerk keeps the papers.
type clerk struct {
	c       *Company
	d       dice
	wrong   map[string]string // by duty: "late", "missed" or "never"
	deeds   []Deed
	planted []Planted
}

func (n *clerk) goWrong(all []Duty) {
	var recurring, renewed []string
	for _, d := range all {
		if d.Per == "" {
			renewed = append(renewed, d.ID)
		} else if d.Per != "year" {
			recurring = append(recurring, d.ID)
		}
	}
	if len(renewed) > 0 {
		n.wrong[pick(n.d, renewed)] = "never"
	}
	if len(recurring) > 1 {
		i := n.d.IntN(len(recurring))
		n.wrong[recurring[i]] = "late"
		n.wrong[recurring[(i+1)%len(recurring)]] = "missed"
	}
}

func (n *clerk) deed(d Duty, occurrence string, effective time.Time) {
	by := pick(n.d, n.c.people[:5]).login
	n.deeds = append(n.deeds, Deed{Duty: d.ID, Occurrence: occurrence, Effective: effective, Recorded: later(effective, n.c.start), By: by,
		Text: fmt.Sprintf("%s, done on %s by %s\n", d.ID, effective.Format(time.DateOnly), by)})
}

// renew brings the proof anew before it is too old.
func (n *clerk) renew(d Duty) {
	if n.wrong[d.ID] == "never" {
		n.plant(d, n.c.start, time.Time{}, n.c.start.Format(time.DateOnly), "no proof of it was ever brought")
		return
	}
	at := n.d.workday(n.c.start.AddDate(0, 0, -n.d.between(10, 100)))
	for at.Before(n.c.end) {
		n.deed(d, "", at)
		at = n.d.workday(at.Truncate(day).AddDate(0, 0, d.WithinDays-n.d.between(5, 40)))
	}
}

// recur does the duty in each window that ends in the period; of one window,
// late or never.
func (n *clerk) recur(d Duty) {
	months := map[string]int{"month": 1, "quarter": 3, "year": 12}[d.Per]
	y, m, _ := n.c.start.Date()
	from := time.Date(y, (m-1)/time.Month(months)*time.Month(months)+1, 1, 0, 0, 0, 0, time.UTC)
	wrong := n.wrong[d.ID]
	for ; ; from = from.AddDate(0, months, 0) {
		due := from.AddDate(0, months, 0)
		late := due.AddDate(0, 0, d.GraceDays)
		if due.After(n.c.end) {
			return
		}
		if !due.After(n.c.start) {
			continue
		}
		label := from.Format("2006-01")
		if d.Per == "quarter" {
			label = fmt.Sprintf("%d-Q%d", from.Year(), (int(from.Month())+2)/3)
		}
		tardy := n.d.workday(late.AddDate(0, 0, n.d.between(2, 8)))
		switch {
		case wrong == "missed" && late.Before(n.c.end.Add(-day)):
			n.plant(d, due, time.Time{}, label, "nobody did it")
			wrong = ""
		case wrong == "late" && tardy.Before(n.c.end.Add(-day)):
			n.deed(d, label, tardy)
			n.plant(d, due, tardy, label, "done late")
			wrong = ""
		default:
			ago := n.d.between(1, 9)
			if !d.Early {
				ago = -(ago + 1) / 2
			}
			n.deed(d, "", n.d.workday(due.AddDate(0, 0, -ago)))
		}
	}
}

func (n *clerk) plant(d Duty, from, to time.Time, label, note string) {
	if from.AddDate(0, 0, d.GraceDays).After(n.c.end) {
		return // its days of grace are not over
	}
	n.planted = append(n.planted, Planted{Kind: "duty", Test: d.ID, Resource: label, Start: from, End: to, Note: note})
}
