package rest

import (
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/evidenced/evidenced/collectors"
)

// use takes one row.
type use func(ctx context.Context, row any, env map[string]any) error

// walk reads a listing to its last page and hands on its rows. row is what it
// is asked for, nil at the top.
func (r *reader) walk(ctx context.Context, l *listing, row any, env map[string]any, use use) error {
	values := l.For
	if len(values) == 0 {
		return r.pages(ctx, l, row, env, use)
	}
	for _, v := range values {
		env := with(env, "each", v)
		if err := r.pages(ctx, l, row, env, use); err != nil {
			return err
		}
	}
	return nil
}

func with(env map[string]any, name string, v any) map[string]any {
	out := maps.Clone(env)
	out[name] = v
	return out
}

// walked is what is known of a listing while it is read.
type walked struct {
	rows  int
	total int // -1 if the source does not say
	seen  map[[sha256.Size]byte]bool
}

func (r *reader) pages(ctx context.Context, l *listing, row any, env map[string]any, use use) error {
	w := &walked{total: -1, seen: map[[sha256.Size]byte]bool{}}
	err := r.out.Pages(ctx, func(ctx context.Context, token string) (string, error) {
		return r.page(ctx, l, w, question{row: row, env: env, token: token, window: r.window, format: r.kind.format()}, use)
	})
	switch {
	case meant(err) == absent && len(w.seen) == 0:
		return nil
	case err != nil:
		return err
	case w.total >= 0 && w.total != w.rows:
		return collectors.Incomplete("%s: the source says %d, read %d", l.Call.name, w.total, w.rows)
	}
	if w.total >= 0 && slices.Contains(r.kind.Read, l) && r.counts() {
		r.out.Total(w.total)
	}
	return nil
}

// counts reports whether each row becomes one record, so that the source's
// count of rows is one of records.
func (r *reader) counts() bool {
	for _, l := range r.kind.Read {
		if l.Total == nil || l.Then != nil {
			return false
		}
	}
	return r.kind.Events == nil
}

// page reads one page and gives the token of the next.
func (r *reader) page(ctx context.Context, l *listing, w *walked, q question, use use) (string, error) {
	for _, name := range l.Filter {
		for _, t := range l.Query[name] {
			v, err := r.fill(ctx, t, q)
			if err != nil {
				return "", err
			}
			r.out.Filter(l.Call.name+"?"+name, v)
		}
	}
	doc, a, err := r.ask(ctx, l, q)
	if err != nil {
		return "", err
	}
	rows, err := r.rows(ctx, l, doc, q.env)
	if err != nil {
		return "", err
	}
	if sum := sha256.Sum256(a.body); len(rows) > 0 && l.Page != nil {
		if w.seen[sum] {
			return "", collectors.Incomplete("%s gave the same page twice: the listing loops", l.Call.name)
		}
		w.seen[sum] = true
	}
	if err := r.count(ctx, l, w, doc, q.env); err != nil {
		return "", err
	}
	w.rows += len(rows)
	if err := r.each(ctx, l, rows, q.env, use); err != nil {
		return "", err
	}
	return l.Page.next(ctx, a, doc, q, len(rows), w)
}

// count takes the source's own count. The last one that is stated holds: a listing may
// grow while it is read.
func (r *reader) count(ctx context.Context, l *listing, w *walked, doc any, env map[string]any) error {
	if l.Total == nil {
		return nil
	}
	text, err := l.Total.textOf(ctx, doc, env)
	if err != nil || text == "" && w.total >= 0 {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return collectors.Incomplete("%s: the total %s is %.40q", l.Call.name, l.Total.text, text)
	}
	w.total = n
	return nil
}

// rows returns the rows of a page. An answer that is no list is not an empty list.
func (r *reader) rows(ctx context.Context, l *listing, doc any, env map[string]any) ([]any, error) {
	var rows []any
	if l.Items == nil {
		list, ok := doc.([]any)
		if !ok {
			return nil, collectors.Incomplete("%s: want a list", l.Call.name)
		}
		rows = list
	} else {
		var err error
		if rows, err = l.Items.all(ctx, doc, env); err != nil {
			return nil, err
		}
	}
	for _, row := range rows {
		if _, ok := row.(map[string]any); !ok {
			return nil, collectors.Incomplete("%s: a row is %T, want an object", l.Call.name, row)
		}
	}
	return rows, nil
}

// each asks for each row what hangs on it, some rows at a time, and hands them on.
func (r *reader) each(ctx context.Context, l *listing, rows []any, env map[string]any, use use) error {
	if len(l.With) == 0 && l.Then == nil {
		for _, row := range rows {
			if err := use(ctx, row, env); err != nil {
				return err
			}
		}
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := collectors.Each(ctx, len(rows), r.def.Parallel, func(ctx context.Context, i int) error {
		err := r.one(ctx, l, rows[i], env, use)
		if err != nil {
			cancel() // the listing is not whole any more: nothing else need be asked
		}
		return err
	})
	return first(errs)
}

// first returns the error that stopped the others.
func first(errs []error) (err error) {
	for _, e := range errs {
		if e != nil && (err == nil || errors.Is(err, context.Canceled)) {
			err = e
		}
	}
	return err
}

func (r *reader) one(ctx context.Context, l *listing, row any, env map[string]any, use use) error {
	env = maps.Clone(env)
	for _, name := range names(l.With) {
		rows, err := r.gather(ctx, l.With[name], row, env)
		if err != nil {
			return err
		}
		env[name] = rows
	}
	if l.Then == nil {
		return use(ctx, row, env)
	}
	if ask, err := r.wanted(ctx, l.Then, row, env); err != nil || !ask {
		return err
	}
	env["parent"] = row
	return r.walk(ctx, l.Then, row, env, use)
}

// wanted reports whether a listing is asked for a row.
func (r *reader) wanted(ctx context.Context, l *listing, row any, env map[string]any) (bool, error) {
	if l.When == nil {
		return true, nil
	}
	return l.When.truth(ctx, row, env)
}

// gather returns all rows of a listing; nil, which is null, where the source does not say.
func (r *reader) gather(ctx context.Context, l *listing, row any, env map[string]any) (any, error) {
	if ask, err := r.wanted(ctx, l, row, env); err != nil || !ask {
		return nil, err
	}
	var mu sync.Mutex
	rows := []any{}
	err := r.walk(ctx, l, row, env, func(_ context.Context, row any, _ map[string]any) error {
		mu.Lock()
		defer mu.Unlock()
		rows = append(rows, row)
		return nil
	})
	if meant(err) == unsaid {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}
