package gap

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// TestShortcutsChangeNothing: a log of joined records gives the same bytes
// where CEL answers everything.
func TestShortcutsChangeNothing(t *testing.T) {
	cat := testCatalogue(t, nil)
	for name, log := range map[string]joined{"accounts": accounts(150, 40), "changes": changes(20, 30)} {
		var got [2][]byte
		for i, plain := range []bool{false, true} {
			e := NewEngine(cat, result.Period{From: start, To: start.AddDate(0, 0, 40)})
			e.eval.PlainCEL = plain
			for run := range log.runs {
				if run.Due.Day()%9 == 0 {
					run.Outcome, run.Certificate.Complete = evidence.Partial, false
				}
				if err := e.Observe(run, decoded(log.records(*run.Records))); err != nil {
					t.Fatal(err)
				}
			}
			res := e.Result(start.AddDate(0, 0, 40))
			if got[i] = mustJSON(t, res); len(res.Gaps) < 10 {
				t.Fatalf("%s: only %d gaps: the log says too little", name, len(res.Gaps))
			}
		}
		if diff := gocmp.Diff(string(got[1]), string(got[0])); diff != "" {
			t.Errorf("%s (-CEL +shortcuts):\n%s", name, diff)
		}
	}
}
