package gap

import (
	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

// answerVerdicts are the verdicts of answers.
var answerVerdicts = map[rule.Answer]result.Verdict{rule.Pass: result.Pass, rule.Fail: result.Fail, rule.Unknown: result.Unknown, rule.NotApplicable: result.NotApplicable}

// Answers returns what each test says of one event of a stream, by the id of the
// test. One that did not judge it, as it waits for what it is joined with, is absent.
func (e *Engine) Answers(stream evidence.Stream, scope evidence.Scope, id string) map[string]result.Verdict {
	out := map[string]result.Verdict{}
	st := e.streams[stream]
	if st == nil {
		return out
	}
	key := keyOf(&evidence.Record{Scope: scope, ID: id})
	st.answers(key, out)
	for _, t := range st.tables {
		for _, v := range t.tests {
			v.stream.answers(key, out)
		}
	}
	return out
}

func (st *stream) answers(key eventKey, out map[string]result.Verdict) {
	if st.events == nil {
		return
	}
	n, seen := st.events.index[key]
	for i, ts := range st.kind.tests {
		if !seen {
			return
		}
		if v, ok := answerVerdicts[st.events.answers[int(n)*len(st.tests)+i]]; ok {
			out[ts.ID] = v
		}
	}
}
