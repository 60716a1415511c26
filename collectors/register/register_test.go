package register

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/collectortest"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

func TestDeclaration(t *testing.T) { collectortest.Check(t, Spec()) }

// kept makes a configuration of one register whose file holds text.
func kept(t testing.TB, name, text string) *Config {
	t.Helper()
	c := newConfig()
	c.Registers = map[string]Kept{name: {File: name + ".csv"}}
	c.RelativeTo(t.TempDir())
	write(t, c, name, text)
	return c
}

func write(t testing.TB, c *Config, name, text string) {
	t.Helper()
	path, longAgo := c.Files()[c.Registers[name].File], time.Now().Add(-time.Hour) // what was written just now would be waited for
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, longAgo, longAgo)); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, c *Config, kind evidence.Kind, opt transport.Options) transport.Snapshot {
	t.Helper()
	src, err := transport.Open(Spec(), c, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src.Visit(t.Context(), scope).Capture(t.Context(), kind, evidence.Window{})
}

func canonical(t testing.TB, v any) string {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestRegisters reads each register with every column that it may have, and again from its recording.
func TestRegisters(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"acknowledgement": {"person,policy,version,acknowledged,ip\nAnn@x.example,sec,3,2026-07-02,10.0.0.1\nbob@x.example,sec,3,,\n",
			`[{"attributes":{"acknowledged":"2026-07-02","person":"ann@x.example","policy":"sec","version":"3"},"id":"ann@x.example|sec|3","kind":"register.acknowledgement","name":"ann@x.example|sec|3"},` +
				`{"attributes":{"person":"bob@x.example","policy":"sec","version":"3"},"id":"bob@x.example|sec|3","kind":"register.acknowledgement","name":"bob@x.example|sec|3"}]`},
		"approval": {"person,login,source,access,requested_by,approved_by,approved,expires\n,Annie,github,admin,ann@x.example,Bob@x.example,2026-07-01,2026-12-31\n",
			`[{"attributes":{"access":"admin","approved":"2026-07-01","approved_by":"bob@x.example","expires":"2026-12-31","login":"Annie","requested_by":"ann@x.example","source":"github"},"id":"Annie|github|admin|2026-07-01","kind":"register.approval","name":"Annie|github|admin|2026-07-01"}]`},
		"incident": {"id,title,severity,detected,classified,contained,resolved,postmortem,actions_open,customer_notified\nI-7,Outage,High,2026-07-01,2026-07-01,2026-07-02,2026-07-03,2026-07-10,0,2026-07-02\n",
			`[{"attributes":{"actions_open":0,"classified":"2026-07-01","contained":"2026-07-02","customer_notified":"2026-07-02","detected":"2026-07-01","id":"I-7","postmortem":"2026-07-10","resolved":"2026-07-03","severity":"high","title":"Outage"},"id":"I-7","kind":"register.incident","name":"Outage"}]`},
		"oauth_app": {"source;app;name;approved_by;reviewed\ngoogle;123.apps;Mailer;ann@x.example;2026-01-01\n",
			`[{"attributes":{"app":"123.apps","approved_by":"ann@x.example","name":"Mailer","reviewed":"2026-01-01","source":"google"},"id":"google|123.apps","kind":"register.oauth_app","name":"Mailer"}]`},
		"policy": {"id,title,version,effective,approved_by,approved,owner\nsec,Security,3,2026-01-01,ceo@x.example,2025-12-20,ann@x.example\n",
			`[{"attributes":{"approved":"2025-12-20","approved_by":"ceo@x.example","effective":"2026-01-01","id":"sec","owner":"ann@x.example","title":"Security","version":"3"},"id":"sec","kind":"register.policy","name":"Security"}]`},
		"privileged": {"source\tlogin\trole\tapproved_by\treviewed\naws\troot-ann\tadmin\tbob@x.example\t2026-06-30\n",
			`[{"attributes":{"approved_by":"bob@x.example","login":"root-ann","reviewed":"2026-06-30","role":"admin","source":"aws"},"id":"aws|root-ann|admin","kind":"register.privileged","name":"aws|root-ann|admin"}]`},
		"training": {"\ufeffPerson,Course,Completed,Due\r\n17,security,2026-02-01,2026-03-01\r\n17,security,,2027-03-01\r\n,,,\r\n",
			`[{"attributes":{"completed":"2026-02-01","course":"security","due":"2026-03-01","person":"17"},"id":"17|security|2026-02-01|2026-03-01","kind":"register.training","name":"17|security|2026-02-01|2026-03-01"},` +
				`{"attributes":{"course":"security","due":"2027-03-01","person":"17"},"id":"17|security|2027-03-01","kind":"register.training","name":"17|security|2027-03-01"}]`},
		"vendor": {"id,name,tier,subservice,owner,services,data,reviewed,report_type,report_from,report_to,opinion,exceptions,cuecs_mapped,bridge_letter_to,iban\n" +
			"1,Cloud,critical,Yes,ann@x.example,hosting; mail;;,\"customer; logs\",2026-01-02,type2,2025-01-01,2025-12-31,qualified,2: both noted,no,2026-03-31,DE00\n2,Printer,low,no,,,,,,,,,,,,\n",
			`[{"attributes":{"bridge_letter_to":"2026-03-31","cuecs_mapped":false,"data":["customer","logs"],"exceptions":"2: both noted","id":"1","name":"Cloud","opinion":"qualified","owner":"ann@x.example","report_from":"2025-01-01","report_to":"2025-12-31","report_type":"type2","reviewed":"2026-01-02","services":["hosting","mail"],"subservice":true,"tier":"critical"},"id":"1","kind":"register.vendor","name":"Cloud"},` +
				`{"attributes":{"id":"2","name":"Printer","subservice":false,"tier":"low"},"id":"2","kind":"register.vendor","name":"Printer"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			c := kept(t, name, tt.text)
			kind := evidence.Kind("register." + name)
			snap := read(t, c, kind, transport.Options{})
			if got := canonical(t, snap.Records); snap.Err != nil || got != tt.want {
				t.Fatalf("%v\ngot  %s\nwant %s", snap.Err, got, tt.want)
			}
			cert := snap.Certificate
			if !cert.Complete || !strings.Contains(cert.Filters["file"], evidence.HashOf([]byte(tt.text)).String()) || cert.Filters["owner"] == "" || cert.Endpoints[0] != "file:"+name+".csv" {
				t.Errorf("certificate %+v", cert)
			}
			all := canonical(t, snap.Exchanges)
			if strings.Contains(all, "DE00") || strings.Contains(all, "10.0.0.1") {
				t.Error("a column is kept that nobody declared")
			}
			again := read(t, c, kind, transport.Replay(snap.Exchanges))
			if got := canonical(t, again.Records); again.Err != nil || got != tt.want || canonical(t, again.Certificate.Filters) != canonical(t, cert.Filters) {
				t.Errorf("played back: %v, %s", again.Err, got)
			}
		})
	}
	if len(registers) != 8 {
		t.Errorf("%d registers, of which 8 are read here", len(registers))
	}
}

// TestWrong: one mistake and nothing of the file is relied on; the error says where it is.
func TestWrong(t *testing.T) {
	vendor := "id,tier,subservice,reviewed,report_type,report_from,report_to,opinion,exceptions,cuecs_mapped,bridge_letter_to\n"
	approval := "person,login,source,requested_by,approved_by,approved,expires\n"
	incident := "id,severity,detected,classified,resolved,postmortem,actions_open\n"
	for name, tt := range map[string]struct{ register, text, want string }{
		"empty":          {"vendor", "", "vendor.csv:1: the file is empty"},
		"columns":        {"vendor", "id,tier\n", "vendor.csv:1: there is no column for subservice, reviewed, report_type,"},
		"one of":         {"approval", "source,requested_by,approved_by,approved\n", "approval.csv:1: there is no column for person or login"},
		"utf-16":         {"vendor", "\xff\xfei\x00", "vendor.csv:1: the file is UTF-16"},
		"latin-1":        {"vendor", vendor + "Jos\xe9,low,no,,,,,,,,\n", "vendor.csv:2: column 1 is not UTF-8"},
		"short row":      {"vendor", vendor + "1,low\n", "vendor.csv:2: the row has another number of fields"},
		"no id":          {"vendor", vendor + ",low,no,,,,,,,,\n", `vendor.csv:2: column "id": it is empty`},
		"same id":        {"vendor", vendor + "1,low,no,,,,,,,,\n2,low,no,,,,,,,,\n1,low,no,,,,,,,,\n", `vendor.csv:4: column "id": "1" stands on line 2 already`},
		"unsaid":         {"vendor", vendor + "1,low,,,,,,,,,\n", `vendor.csv:2: column "subservice": it is empty`},
		"bad word":       {"vendor", vendor + "1,medium,no,,,,,,,,\n", `vendor.csv:2: column "tier": "medium" is none of critical, high, low; say under values.tier`},
		"bad answer":     {"vendor", vendor + "1,low,perhaps,,,,,,,,\n", `vendor.csv:2: column "subservice": "perhaps" is none of yes, no`},
		"bad date":       {"vendor", vendor + "1,low,no,31.12.2025,,,,,,,\n", `vendor.csv:2: column "reviewed": "31.12.2025" is no date of the form 2006-01-02`},
		"backwards":      {"vendor", vendor + "1,low,yes,,type2,2025-12-31,2025-01-01,,,,\n", `vendor.csv:2: column "report_to": 2025-01-01 is before report_from, 2025-12-31`},
		"letter early":   {"vendor", vendor + "1,low,yes,,type2,,2025-12-31,,,,2025-12-01\n", `vendor.csv:2: column "bridge_letter_to": 2025-12-01 is before report_to`},
		"whose":          {"approval", approval + ",,github,,,,\n", `approval.csv:2: column "person": it is empty, and so is login`},
		"same approval":  {"approval", approval + ",a,github,,b,2026-01-01,\n,a,github,,c,2026-01-01,\n", `approval.csv:3: column "login": "a|github|2026-01-01" stands on line 2 already`},
		"bad number":     {"incident", incident + "1,high,2026-07-01,,,,-1\n", `incident.csv:2: column "actions_open": "-1" is no number`},
		"all of them":    {"incident", incident + "1,x,2026-07-01,,,,\n2,y,2026-07-01,,,,\n", `incident.csv:3: column "severity"`},
		"resolved early": {"incident", incident + "1,low,2026-07-02,,2026-07-01,,\n", `incident.csv:2: column "resolved": 2026-07-01 is before detected`},
	} {
		t.Run(name, func(t *testing.T) {
			snap := read(t, kept(t, tt.register, tt.text), evidence.Kind("register."+tt.register), transport.Options{})
			if !errors.Is(snap.Err, collectors.ErrIncomplete) || !strings.Contains(snap.Err.Error(), tt.want) || len(snap.Records) != 0 || snap.Certificate.Complete {
				t.Errorf("%v, %d records, want %s", snap.Err, len(snap.Records), tt.want)
			}
		})
	}
	many := incident + strings.Repeat("1,x,2026-07-01,,,,\n", 50)
	snap := read(t, kept(t, "incident", many), "register.incident", transport.Options{})
	if n := strings.Count(snap.Err.Error(), "incident.csv:"); n != 5 {
		t.Errorf("%d mistakes are told of: %v", n, snap.Err)
	}
}

// TestEach: a register that is broken fails its own slot, and one that has no file is not known at all.
func TestEach(t *testing.T) {
	c := kept(t, "training", "person,course,completed\na@x.example,security,\n")
	c.Registers["incident"] = Kept{File: "none.csv"}
	if snap := read(t, c, "register.training", transport.Options{}); snap.Err != nil || len(snap.Records) != 1 {
		t.Errorf("%v, %d records", snap.Err, len(snap.Records))
	}
	if snap := read(t, c, "register.incident", transport.Options{}); !errors.Is(snap.Err, collectors.ErrUnreachable) || !strings.Contains(snap.Err.Error(), "none.csv: there is no such file") {
		t.Errorf("%v", snap.Err)
	}
	want := `[{"attributes":{"file":"none.csv","register":"incident"},"id":"incident","kind":"register.file","name":"none.csv"},` +
		`{"attributes":{"file":"training.csv","register":"training"},"id":"training","kind":"register.file","name":"training.csv"}]`
	if snap := read(t, c, kindFile, transport.Options{}); snap.Err != nil || canonical(t, snap.Records) != want {
		t.Errorf("%v, %s", snap.Err, canonical(t, snap.Records))
	}
	src, err := transport.Open(Spec(), c, transport.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []evidence.Kind
	for _, k := range src.Spec.Kinds {
		kinds = append(kinds, k.Kind)
	}
	if !slices.Equal(kinds, []evidence.Kind{kindFile, "register.incident", "register.training"}) {
		t.Errorf("kinds %v", kinds)
	}
	if snap := read(t, c, "register.vendor", transport.Options{}); snap.Err == nil || !strings.Contains(snap.Err.Error(), "register.vendor") {
		t.Errorf("a register without a file: %v", snap.Err)
	}
}

// TestWords: the file's own names, words and dates.
func TestWords(t *testing.T) {
	c := kept(t, "incident", "No;Class;Found;Named;Done;Learnt\n1;P1;1.7.2026;;2.7.2026;\n")
	k := c.Registers["incident"]
	k.Columns = map[string]string{"id": "no", "severity": "Class", "detected": "Found", "classified": "Named", "resolved": "Done", "postmortem": "Learnt"}
	k.Values, k.Dates = map[string]map[string]string{"severity": {"p1": "critical"}}, "2.1.2006"
	c.Registers["incident"] = k
	want := `[{"attributes":{"detected":"2026-07-01","id":"1","resolved":"2026-07-02","severity":"critical"},"id":"1","kind":"register.incident","name":"1"}]`
	if snap := read(t, c, "register.incident", transport.Options{}); snap.Err != nil || canonical(t, snap.Records) != want {
		t.Errorf("%v, %s", snap.Err, canonical(t, snap.Records))
	}
}

func TestConfig(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"none":      func(c *Config) { c.Registers = nil },
		"unknown":   func(c *Config) { c.Registers["visitor"] = Kept{File: "v.csv"} },
		"no file":   func(c *Config) { c.Registers["training"] = Kept{} },
		"unclean":   func(c *Config) { c.Registers["training"] = Kept{File: "a/../b.csv"} },
		"same file": func(c *Config) { c.Registers["training"] = Kept{File: "vendors.csv"} },
		"endpoint":  func(c *Config) { c.Common.Endpoint = "https://x.example/" },
		"kind":      func(c *Config) { c.Common.Kinds = []evidence.Kind{"register.training"} },
		"column": func(c *Config) {
			c.Registers["training"] = Kept{File: "t.csv", Columns: map[string]string{"pay": "Pay"}}
		},
		"columns": func(c *Config) {
			c.Registers["training"] = Kept{File: "t.csv", Columns: map[string]string{"person": "P"}}
		},
		"no column": func(c *Config) {
			c.Registers["training"] = Kept{File: "t.csv", Columns: map[string]string{"person": " "}}
		},
		"words of name": func(c *Config) {
			c.Registers["vendor"] = Kept{File: "v.csv", Values: map[string]map[string]string{"name": {"a": "b"}}}
		},
		"word": func(c *Config) {
			c.Registers["vendor"] = Kept{File: "v.csv", Values: map[string]map[string]string{"tier": {"A": "vital"}}}
		},
		"dates": func(c *Config) { c.Registers["vendor"] = Kept{File: "v.csv", Dates: "dd.mm.yyyy"} },
	} {
		c := newConfig()
		c.Registers = map[string]Kept{"vendor": {File: "vendors.csv"}}
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if set(c); c.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// TestPage: docs/registers.md names every column of every register, with what it holds, and no other.
func TestPage(t *testing.T) {
	b, err := os.ReadFile("../../docs/registers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range registers {
		_, rest, _ := strings.Cut(string(b), "\n## "+g.name+"\n")
		section, _, _ := strings.Cut(rest, "\n## ")
		var rows []string
		for line := range strings.Lines(section) {
			if strings.HasPrefix(line, "| `") {
				cells := strings.Split(strings.TrimSpace(line), " | ")
				rows = append(rows, cells[0]+" | "+cells[1]+" | "+cells[2])
			}
		}
		var want []string
		for _, c := range g.columns {
			want = append(want, "| `"+c.name+"` | "+c.says()+" | "+[]string{free: "", present: "column", filled: "every row"}[c.need])
		}
		if !slices.Equal(rows, want) {
			t.Errorf("docs/registers.md, %s:\n%s\nwant:\n%s", g.name, strings.Join(rows, "\n"), strings.Join(want, "\n"))
		}
	}
}

// says is how the page tells what a column holds.
func (c column) says() string {
	if c.form == word {
		return strings.Join(c.words, ", ")
	}
	return string(c.form)
}

// FuzzRegister: whatever the file holds, rows are read from it that are records, or none is.
func FuzzRegister(f *testing.F) {
	f.Add("training", "person,course,completed\na,b,2026-01-01\n")
	f.Add("vendor", "id,subservice\n1,\"a\n")
	f.Fuzz(func(t *testing.T, name, text string) {
		if _, known := named(name); !known {
			return
		}
		snap := read(t, kept(t, name, text), evidence.Kind("register."+name), transport.Options{})
		if snap.Err != nil && (!errors.Is(snap.Err, collectors.ErrIncomplete) || len(snap.Records) > 0) {
			t.Errorf("%v, %d records", snap.Err, len(snap.Records))
		}
	})
}
