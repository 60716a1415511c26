//go:build unix

package aws

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/evidence"
)

// fieldCase is a situation from a public bug report: the answers of AWS, by
// operation, the kinds to collect, and the tests to ask about them.
type fieldCase struct {
	Kinds   []evidence.Kind
	Tests   []string
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

// replyOf reads an answer: a body, or "!STATUS CODE PROTOCOL" for an error.
func replyOf(t *testing.T, body string) reply {
	t.Helper()
	text, isError := strings.CutPrefix(body, "!")
	if !isError {
		return ok(body)
	}
	f := strings.Fields(text)
	status, err := strconv.Atoi(f[0])
	if err != nil || len(f) != 3 {
		t.Fatalf("%q is no error", body)
	}
	form := map[string]func(int, string) reply{"s3": s3Error, "query": queryError, "ec2": ec2Error, "json": jsonError}[f[2]]
	if form == nil {
		t.Fatalf("%q is of no known protocol", body)
	}
	return form(status, f[1])
}

// eventDay is, of events, the day before the rig's clock: it holds those of the cases.
func eventDay(k evidence.Kind) evidence.Window {
	if k != "aws.cloudtrail.event" {
		return evidence.Window{}
	}
	day := time.Date(2026, 6, 30, 6, 0, 0, 0, time.UTC)
	return evidence.Window{From: day, To: day.AddDate(0, 0, 1)}
}

// verdictsOf collects the kinds of a case, and returns the verdict of each of its tests.
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
	got := map[string]string{}
	for _, ts := range judge(t, all).Tests {
		if slices.Contains(c.Tests, ts.Test) {
			got[ts.Test] = fmt.Sprint(ts.Now)
		}
	}
	return got
}

// TestFieldCases: each situation has the verdict that an expert on AWS signs.
// One that is still wrong is in stillWrong, and leaves it when it becomes right.
func TestFieldCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "cases", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases, or %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			c := readCase(t, name)
			got, want := verdictsOf(t, c), rightAnswers[name]
			if len(want) == 0 {
				if unjudged[name] == "" {
					t.Errorf("no right answer is stated; the verdicts are %v", got)
				}
				return
			}
			right := true
			for test := range maps.Keys(want) {
				right = right && got[test] == want[test]
			}
			if wrong := slices.Contains(stillWrong, name); right == wrong {
				t.Errorf("right: %v, listed as wrong: %v; got %v, want %v", right, wrong, got, want)
			}
		})
	}
}
