package gap

import (
	"github.com/evidenced/evidenced/gap/result"
	"github.com/evidenced/evidenced/gap/rule"
)

var verdictOf = [rule.Answers]result.Verdict{rule.None: result.Unknown, rule.Pass: result.Pass, rule.Fail: result.Fail, rule.Unknown: result.Unknown, rule.NotApplicable: result.NotApplicable}

// counts holds how many records stand at each answer.
type counts [rule.Answers]int

func (n *counts) move(from, to rule.Answer) {
	n[from]--
	n[to]++
}

func pick[T any](cond bool, yes, no T) T {
	if cond {
		return yes
	}
	return no
}
