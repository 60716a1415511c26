package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

func (a *app) historyCommand() *cobra.Command {
	var scope string
	c := &cobra.Command{
		Use:   "history STREAM ID",
		Short: "Show every state of one resource: when it appeared, what changed, when it was gone",
		Long: `Shows every state of one resource over the whole log: when it was first seen, each
change of an attribute, and when a complete list no longer had it. STREAM is
source/kind/scope as ` + "`evidenced evidence list`" + ` prints it, ID the record's id.
Attributes that change of themselves, such as a last login, make no state of their
own; what retention has erased is not shown.`,
		Example: "  evidenced evidence history aws/aws.iam.user/123456789012 arn:aws:iam::123456789012:user/alice",
		Args:    usage(cobra.ExactArgs(2)),
		RunE: func(_ *cobra.Command, args []string) error {
			return a.evidenceHistory(args[0], args[1], evidence.Scope(scope))
		},
	}
	c.Flags().StringVar(&scope, "scope", "", "the record's own `scope`, such as 123456789012/eu-west-1, if it has one")
	return c
}

// stateLine is one state in `evidence history --json`.
type stateLine struct {
	// Time is when the snapshot had been read, Entry its number in the log.
	Time  time.Time `json:"time"`
	Entry uint64    `json:"entry"`
	// Gone: a complete snapshot did not have the resource any more; Record is null then.
	Gone    bool              `json:"gone"`
	Changes []attributeChange `json:"changes"`
	Record  *evidence.Record  `json:"record"`
}

// attributeChange is one attribute that changed; what was not there, or is not, is null.
type attributeChange struct {
	Attribute string `json:"attribute"`
	Old       any    `json:"old"`
	New       any    `json:"new"`
}

func (a *app) evidenceHistory(name, id string, scope evidence.Scope) error {
	stream, err := evidence.ParseStream(name)
	if err != nil {
		return usageError{err}
	}
	_, s, err := a.opened()
	if err != nil {
		return err
	}
	defer s.Close()
	states, err := history(s, stream, scope, id)
	if err == nil && len(states) == 0 {
		err = neverSeen(s, stream, id)
	}
	if err != nil {
		return err
	}
	return a.print(map[string]any{"stream": stream, "scope": scope, "id": id, "states": states}, func(w io.Writer) {
		table(w, "TIME\tENTRY\tWHAT CHANGED", func(row func(...any)) {
			for _, st := range states {
				st.rows(row)
			}
		})
	})
}

func history(s *store.Store, stream evidence.Stream, scope evidence.Scope, id string) (out []stateLine, err error) {
	var last *evidence.Record
	for st, err := range s.History(stream, scope, id) {
		if err != nil {
			return nil, err
		}
		out = append(out, stateLine{Time: st.Run.Observed(), Entry: st.Entry, Gone: st.Record == nil, Record: st.Record, Changes: changes(last, st.Record)})
		last = st.Record
	}
	return out, nil
}

// changes compares two states of one resource, attribute by attribute.
func changes(old, now *evidence.Record) []attributeChange {
	out := []attributeChange{}
	if old == nil || now == nil {
		return out
	}
	if old.Name != now.Name {
		out = append(out, attributeChange{"name", old.Name, now.Name})
	}
	names := maps.Clone(old.Attributes)
	if names == nil {
		names = now.Attributes
	}
	maps.Copy(names, now.Attributes)
	for _, n := range slices.Sorted(maps.Keys(names)) {
		before, now := old.Attributes[n], now.Attributes[n]
		if shown(before) != shown(now) {
			out = append(out, attributeChange{n, before, now})
		}
	}
	return out
}

// shown gives the canonical text of a value.
func shown(v any) string {
	b, err := evidence.Canonical(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

// maxShown cuts a value to what fits a line, in bytes.
const maxShown = 200

func cutShown(v any) string {
	text := shown(v)
	if v == nil {
		return "(not said)"
	}
	if len(text) > maxShown {
		return strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}

func (l stateLine) rows(row func(...any)) {
	what := []string{}
	switch {
	case l.Gone:
		what = append(what, "gone")
	case len(l.Changes) == 0:
		what = append(what, "there: "+cutShown(l.Record.Attributes))
	}
	for _, c := range l.Changes {
		what = append(what, fmt.Sprintf("%s: %s -> %s", c.Attribute, cutShown(c.Old), cutShown(c.New)))
	}
	row(when(&l.Time), l.Entry, what[0])
	for _, w := range what[1:] {
		row("", "", w)
	}
}

// neverSeen says why there is no history: no such stream, or the record is in
// a scope of its own.
func neverSeen(s *store.Store, stream evidence.Stream, id string) error {
	known := false
	var newest *evidence.Ref
	for r, err := range s.Runs() {
		if err != nil {
			return err
		}
		if r.Stream == stream {
			known = true
			if r.Records != nil {
				newest = r.Records
			}
		}
	}
	if !known {
		return fmt.Errorf("the log has no stream %s; `evidenced evidence list` shows those that it has", stream)
	}
	if newest != nil {
		for r, err := range s.Records(*newest) {
			if errors.Is(err, evidence.ErrErased) {
				break
			}
			if err != nil {
				return err
			}
			if r.ID == id && r.Scope != "" {
				return fmt.Errorf("%q is in a scope of its own: add --scope %s", id, r.Scope)
			}
		}
	}
	return fmt.Errorf("no snapshot of %s shows %q", stream, id)
}
