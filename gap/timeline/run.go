package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap"
	"github.com/evidenced/evidenced/gap/catalogue"
	"github.com/evidenced/evidenced/gap/result"
)

// memory is a log in memory.
type memory struct {
	runs  []evidence.Run
	blobs map[evidence.Hash][]byte
}

// Runs implements gap.Evidence.
func (m *memory) Runs() iter.Seq2[evidence.Run, error] {
	return func(yield func(evidence.Run, error) bool) {
		for _, r := range m.runs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// Lines implements gap.Evidence.
func (m *memory) Lines(ref evidence.Ref) iter.Seq2[evidence.Line, error] {
	return evidence.ReadRecordLines(bytes.NewReader(m.blobs[ref.Hash]), evidence.MaxLine, "")
}

func (m *memory) add(run evidence.Run, records []evidence.Record) error {
	if run.Certificate != nil {
		if err := evidence.SortRecords(records); err != nil {
			return err
		}
		b, err := evidence.Lines(records)
		if err != nil {
			return err
		}
		ref := evidence.Ref{Hash: evidence.HashOf(b), Size: int64(len(b)), Count: len(records)}
		if m.blobs == nil {
			m.blobs = map[evidence.Hash][]byte{}
		}
		m.blobs[ref.Hash], run.Records = b, &ref
	}
	m.runs = append(m.runs, run)
	return nil
}

// files is a file system in memory, as far as a catalogue is read from one.
type files map[string][]byte

// Open implements fs.FS; nothing is opened but by ReadFile.
func (f files) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// ReadFile implements fs.ReadFileFS.
func (f files) ReadFile(name string) ([]byte, error) {
	b, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	return b, nil
}

// Glob implements fs.GlobFS.
func (f files) Glob(pattern string) (names []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(f)) {
		ok, err := path.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// Catalogue returns the catalogue of the timeline: base, or if the
// archive holds .yaml files, our criteria with these alone.
func (t *Timeline) Catalogue(base *catalogue.Catalogue) (*catalogue.Catalogue, error) {
	if len(t.controls) == 0 {
		return base, nil
	}
	ours, err := catalogue.Default()
	if err != nil {
		return nil, err
	}
	criteria, err := json.Marshal(map[string]any{"criteria": ours.Criteria}) // which is YAML
	if err != nil {
		return nil, err
	}
	all := maps.Clone(t.controls)
	all["criteria.yaml"] = criteria
	c, err := catalogue.Load(all)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, t.relocate(err))
	}
	return c, nil
}

// relocate makes the line of an error in a file of the archive one of the archive.
func (t *Timeline) relocate(err error) error {
	for _, s := range t.sections {
		var n int
		if rest, ok := strings.CutPrefix(err.Error(), s.name+":"); ok {
			if _, scanErr := fmt.Sscanf(rest, "%d:", &n); scanErr == nil {
				return fmt.Errorf("line %d: %w", s.line+n-1, err)
			}
		}
	}
	return err
}

// Log returns the runs of the timeline.
func (t *Timeline) Log() gap.Evidence { return &t.log }

// Roots returns the root kinds of the timeline, by source.
func (t *Timeline) Roots() map[string]evidence.Kind { return t.roots }

// Acts returns what people do in the timeline.
func (t *Timeline) Acts() []evidence.Act { return t.acts }

func (t *Timeline) options() []gap.Option {
	return []gap.Option{gap.WithRoots(t.roots), gap.WithActs(t.acts)}
}

// Run evaluates the timeline by a catalogue.
func (t *Timeline) Run(ctx context.Context, cat *catalogue.Catalogue) (*result.Result, error) {
	return gap.Evaluate(ctx, cat, &t.log, t.Period, t.AsOf, t.options()...)
}

// Steps evaluates it run by run, with a result after each one: the engine
// must not be disturbed by it, and must end where Run does.
func (t *Timeline) Steps(cat *catalogue.Catalogue) (*result.Result, error) {
	e := gap.NewEngine(cat, t.Period, t.options()...)
	for _, run := range t.log.runs {
		if run.Observed().After(t.AsOf) {
			continue
		}
		if err := e.Observe(run, gap.LinesOf(&t.log, run)); err != nil {
			return nil, err
		}
		e.Result(run.Observed())
	}
	return e.Result(t.AsOf), nil
}

// Difference is a section that came out otherwise than it stands in the archive.
type Difference struct {
	Section string `json:"section"`
	// Line is where the section begins in the archive.
	Line int `json:"line"`
	// Diff has the lines of both: those that only the archive has begin with "-",
	// those that only the result has with "+".
	Diff string `json:"diff"`
}

// Compare returns the sections of the archive that the result is otherwise than.
func (t *Timeline) Compare(res *result.Result) []Difference {
	var out []Difference
	got := t.text(res)
	for _, s := range t.sections {
		if want, ok := got[s.name]; ok && want != s.text {
			out = append(out, Difference{s.name, s.line, diff(lines(s.text), lines(want))})
		}
	}
	return out
}

// Expects reports whether the archive has a section that a result is compared with.
func (t *Timeline) Expects() bool {
	return slices.ContainsFunc(t.sections, func(s section) bool { return slices.Contains(Sections, s.name) })
}

// Updated returns the archive with what the result says in the sections that it has.
func (t *Timeline) Updated(res *result.Result) []byte {
	got := t.text(res)
	all := slices.Clone(t.sections)
	for i, s := range all {
		if text, ok := got[s.name]; ok {
			all[i].text = text
		}
	}
	return join(t.comment, all)
}

func lines(text string) []string { return slices.Collect(strings.Lines(text)) }

// diff returns the lines of a and b along a longest common subsequence.
func diff(a, b []string) string {
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if n[i][j] = max(n[i+1][j], n[i][j+1]); a[i] == b[j] {
				n[i][j] = n[i+1][j+1] + 1
			}
		}
	}
	var out strings.Builder
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			out.WriteString("  " + a[i])
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && n[i+1][j] >= n[i][j+1]:
			out.WriteString("- " + a[i])
			i++
		default:
			out.WriteString("+ " + b[j])
			j++
		}
	}
	return out.String()
}
