package sheet

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// people is a file of ids and days.
func people() File {
	fields := []string{"id", "day"}
	return File{Name: "f.csv", Dates: "2.1.2006", IsField: func(n string) bool { return slices.Contains(fields, n) }, Missing: func(found []string) string {
		if slices.Contains(found, "id") {
			return ""
		}
		return "there is no id"
	}}
}

// door keeps of text what a file keeps, as the one door does.
func door(text string) Door {
	return func(_ context.Context, f collectors.FileRead) (collectors.FileReply, error) {
		var out bytes.Buffer
		err := f.Keep(strings.NewReader(text), &out)
		return collectors.FileReply{Text: out.String(), Owner: "ann", Modified: time.Unix(0, 0)}, err
	}
}

// rows returns each row as line, id and day.
func rows(t *testing.T, f File, text string) (all []string, err error) {
	t.Helper()
	table, err := f.Read(t.Context(), door(text), collectors.NewOutput("x.y"))
	if err != nil {
		return nil, err
	}
	if table.Owner != "ann" {
		t.Errorf("owner %q", table.Owner)
	}
	err = table.Each(func(r *Row) error {
		day, err := r.Date("day")
		if err == nil {
			all = append(all, r.Line()+" "+r.Value("id")+" "+day)
		}
		return err
	})
	return all, err
}

func TestRows(t *testing.T) {
	for name, tt := range map[string]struct {
		text string
		want []string
		err  string
	}{
		"marked":    {"\ufeffID;Day;Pay\r\n1;3.2.2026;7\r\n\r\n;;\r\n2;;8\r\n", []string{"2 1 2026-02-03", "5 2 "}, ""},
		"quoted":    {"id\tpay\n\"a\nb\"\t7\nc\t8\n", []string{"2 a\nb ", "4 c "}, ""},
		"no rows":   {"id\n", nil, ""},
		"no id":     {"day\n", nil, "f.csv:1: there is no id"},
		"twice":     {"id,ID\n", nil, `f.csv:1: the column "ID" stands there twice`},
		"bad day":   {"id,day\n1,2026-02-03\n", nil, `f.csv:2: column "day": "2026-02-03" is no date of the form 2.1.2006`},
		"nul":       {"id\n\x00\n", nil, "f.csv:2: column 1 is not UTF-8"},
		"too wrong": {"id,day\n" + strings.Repeat("1,x\n", 9), nil, "f.csv:6: "},
	} {
		got, err := rows(t, people(), tt.text)
		switch {
		case tt.err == "" && (err != nil || !slices.Equal(got, tt.want)):
			t.Errorf("%s: %q, %v", name, got, err)
		case tt.err != "" && (!errors.Is(err, collectors.ErrIncomplete) || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "f.csv:7")):
			t.Errorf("%s: %v, want %s", name, err, tt.err)
		}
	}
}

func TestWords(t *testing.T) {
	w := Words{"tier": {"Class A": "critical"}}
	if w.Ours("tier", " class a ") != "critical" || w.Ours("tier", "Low") != "low" || w.Check("tier", []string{"critical"}) != nil {
		t.Error("words are not taken as they are meant")
	}
	if w.Check("tier", []string{"low"}) == nil || (Words{"tier": {"A": "low", " a": "low"}}).Check("tier", []string{"low"}) == nil {
		t.Error("a word of nobody's, or one that stands there twice, is accepted")
	}
}

// FuzzRead: whatever the file holds, what is kept is a table, or the file is refused.
func FuzzRead(f *testing.F) {
	f.Add("id,day\n1,\"a\n")
	f.Add("\xff\xfe")
	f.Add("id;day\r\n\"1\n2\";3.4.2026\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := rows(t, people(), text); err != nil && (!errors.Is(err, collectors.ErrIncomplete) || strings.Contains(err.Error(), "is no table")) {
			t.Error(err)
		}
	})
}
