//go:build unix

package aws

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// fieldCase is a situation from a public bug report: the answers of AWS, by
// operation, and the kinds to collect.
type fieldCase struct {
	Kinds   []evidence.Kind
	Regions []string
	Replies map[string]string
}

func readCase(t *testing.T, name string) (c fieldCase) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "cases", name+".json"))
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// replyOf reads an answer: a body, or "!STATUS CODE PROTOCOL" and maybe a message, for an error.
func replyOf(t *testing.T, body string) reply {
	t.Helper()
	text, isError := strings.CutPrefix(body, "!")
	if !isError {
		return ok(body)
	}
	f := strings.SplitN(text, " ", 4)
	status, err := strconv.Atoi(f[0])
	if err != nil || len(f) < 3 {
		t.Fatalf("%q is no error", body)
	}
	form := map[string]func(int, string) reply{"s3": s3Error, "query": queryError, "ec2": ec2Error, "json": jsonError}[f[2]]
	if form == nil {
		t.Fatalf("%q is of no known protocol", body)
	}
	r := form(status, f[1])
	if len(f) == 4 {
		r.body = strings.NewReplacer(`"no"`, strconv.Quote(f[3]), "<Message>no<", "<Message>"+f[3]+"<").Replace(r.body)
	}
	return r
}

// eventDay is, of events, the day before the rig's clock: it holds those of the cases.
func eventDay(k evidence.Kind) evidence.Window {
	if k != "aws.cloudtrail.event" {
		return evidence.Window{}
	}
	day := time.Date(2026, 6, 30, 6, 0, 0, 0, time.UTC)
	return evidence.Window{From: day, To: day.AddDate(0, 0, 1)}
}

// verdictsOf collects the kinds of a case, and returns the verdict of each test on them.
func verdictsOf(t *testing.T, c fieldCase) map[string]string {
	t.Helper()
	replies := base()
	for call, body := range c.Replies {
		replies[call] = []reply{replyOf(t, body)}
	}
	regions := c.Regions
	if len(regions) == 0 {
		regions = []string{"us-east-1"}
	}
	r := newRig(t, replies, func(cfg *Config) { cfg.Regions = Choice{List: regions} })
	all := snapshots{}
	for _, k := range c.Kinds {
		all[evidence.Stream{Source: "aws", Scope: own, Kind: k}] = r.Visit(t.Context(), own).Capture(t.Context(), k, eventDay(k))
	}
	return verdicts(judge(t, all))
}

// verdicts returns the verdict of each test that has one; a failure names what fails.
func verdicts(r *result.Result) map[string]string {
	failing, got := map[string][]string{}, map[string]string{}
	for _, g := range r.Gaps {
		if g.Kind == result.Deviation {
			failing[g.Test] = append(failing[g.Test], g.Name)
		}
	}
	for _, ts := range r.Tests {
		if ts.Streams == 0 {
			continue
		}
		got[ts.Test] = fmt.Sprint(ts.Now)
		if names := failing[ts.Test]; len(names) > 0 {
			slices.Sort(names)
			got[ts.Test] += " " + strings.Join(names, " ")
		}
	}
	return got
}

// TestFieldCases: each situation has the verdicts that an expert on AWS signs, and
// where one is a failure, it is that of the right resource.
func TestFieldCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "cases", "*.json"))
	if err != nil || len(files) != len(rightAnswers) {
		t.Fatalf("%d cases, %d with an answer, %v", len(files), len(rightAnswers), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			want := rightAnswers[name]
			if len(want) == 0 {
				t.Fatal("no right answer is stated")
			}
			got := verdictsOf(t, readCase(t, name))
			for test, verdict := range want {
				if got[test] != verdict {
					t.Errorf("%s: %q, want %q; all are %v", test, got[test], verdict, got)
				}
			}
		})
	}
}
