package roster

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/collectortest"
	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

func TestDeclaration(t *testing.T) { collectortest.Check(t, Spec()) }

// file makes a configuration whose file holds text.
func file(t testing.TB, text string) *Config {
	t.Helper()
	c := newConfig()
	c.File = "people.csv"
	c.RelativeTo(t.TempDir())
	write(t, c, text)
	return c
}

func write(t testing.TB, c *Config, text string) {
	t.Helper()
	path, longAgo := c.Files()[c.File], time.Now().Add(-time.Hour) // what was written just now would be waited for
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, longAgo, longAgo)); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, c *Config, opt transport.Options) transport.Snapshot {
	t.Helper()
	src, err := transport.Open(Spec(), c, opt, nil)
	if err != nil {
		t.Fatal(err)
	}
	return src.Visit(t.Context(), scope).Capture(t.Context(), kindPerson, evidence.Window{})
}

func canonical(t testing.TB, v any) string {
	t.Helper()
	b, err := evidence.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// salaries is an export of an HR system, with what must never be kept.
const salaries = "\ufeffEmployee number;Full name;Work e-mail;Aliases;Pay;GitHub;AWS;Type;Status;Hire date;Last day;Job title;Department;Manager;Note\r\n" +
	"17;\"Ada\nLovelace\";Ada@Acme.example;\"ADA.L@acme.example, al@acme.example\";123456,78;ada;;Full time;active;01.02.2024;;Engineer;R&D;19;\"likes \"\"tea\"\"\r\nand more\"\r\n" +
	";;;;;;;;;;;;;;\r\n" +
	"19; Bob Example ;bob@acme.example;;98765,43;;bob@acme;freelancer;Terminated;05.03.2023;31.07.2026;;;;\r\n" +
	"svc-7;Deploy robot;;;;deploy-bot;;service;;;;;;;\r\n"

func mapped(c *Config) *Config {
	c.Columns = map[string]string{"id": "employee number", "name": "Full name", "email": "Work e-mail", "other_emails": "Aliases", "login.github": "GitHub", "login.aws": "AWS",
		"type": "Type", "status": "Status", "start": "Hire date", "end": "Last day", "title": "Job title", "department": "Department", "manager": "Manager"}
	c.Values = map[string]map[string]string{"type": {"Full time": "employee", "Freelancer": "contractor"}, "status": {"terminated": "ended"}}
	c.Dates = "02.01.2006"
	return c
}

func TestPeople(t *testing.T) {
	c := mapped(file(t, salaries))
	snap := read(t, c, transport.Options{})
	if snap.Err != nil {
		t.Fatal(snap.Err)
	}
	want := `[{"attributes":{"department":"R&D","emails":["ada.l@acme.example","ada@acme.example","al@acme.example"],"logins":{"github":"ada"},"manager":"19","start":"2024-02-01","status":"active","title":"Engineer","type":"employee"},"id":"17","kind":"roster.person","name":"Ada\nLovelace"},` +
		`{"attributes":{"emails":["bob@acme.example"],"end":"2026-07-31","logins":{"aws":"bob@acme"},"start":"2023-03-05","status":"ended","type":"contractor"},"id":"19","kind":"roster.person","name":"Bob Example"},` +
		`{"attributes":{"logins":{"github":"deploy-bot"},"type":"service"},"id":"svc-7","kind":"roster.person","name":"Deploy robot"}]`
	if got := canonical(t, snap.Records); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	cert := snap.Certificate
	sum := evidence.HashOf([]byte(salaries)).String()
	if !strings.HasPrefix(cert.Principal, "local file of ") || !strings.Contains(cert.Filters["file"], sum) || !strings.Contains(cert.Filters["columns"], "start from Hire date") || *cert.Total != 3 || cert.Scopes[0].Scope != scope || cert.Endpoints[0] != "file:people.csv" {
		t.Errorf("certificate %+v", cert)
	}
	kept := canonical(t, snap.Exchanges) + canonical(t, snap.Records) + canonical(t, cert)
	for _, gone := range []string{"123456", "98765", "likes", "Pay", "Note"} {
		if strings.Contains(kept, gone) {
			t.Errorf("%q is kept", gone)
		}
	}
	again := read(t, c, transport.Replay(snap.Exchanges))
	if again.Err != nil || canonical(t, again.Records) != want || again.Certificate.Principal != cert.Principal || again.Certificate.Filters["file"] != cert.Filters["file"] {
		t.Errorf("played back: %v, %+v", again.Err, again.Certificate)
	}
}

// TestUnmapped: columns that are named as fields are, in whatever case, and no others.
func TestUnmapped(t *testing.T) {
	for _, text := range []string{
		"Email,Login.github,salary,OWNER,purpose,reviewed\nA@b.example,a,s4lary,,,\n,,,,,\n",
		"email\tlogin.github\tsalary\towner\tpurpose\treviewed\na@b.example\ta\ts4lary\t\t\t",
	} {
		snap := read(t, file(t, text), transport.Options{})
		want := `[{"attributes":{"emails":["a@b.example"],"logins":{"github":"a"}},"id":"a@b.example","kind":"roster.person","name":"a@b.example"}]`
		if got := canonical(t, snap.Records); snap.Err != nil || got != want || strings.Contains(canonical(t, snap.Exchanges), "s4lary") {
			t.Errorf("%v, %s", snap.Err, got)
		}
	}
	snap := read(t, file(t, "id,name,owner,purpose,reviewed,changed,first_name,last_name\nsvc,,ada@b.example,nightly backup,2026-06-30,2026-05-01,Back,Up\n"), transport.Options{})
	want := `[{"attributes":{"changed":"2026-05-01","owner":"ada@b.example","purpose":"nightly backup","reviewed":"2026-06-30"},"id":"svc","kind":"roster.person","name":"Back Up"}]`
	if got := canonical(t, snap.Records); got != want {
		t.Errorf("%v, %s", snap.Err, got)
	}
}

// TestWrong: one mistake and the file is not the roster; the error says where it is.
func TestWrong(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"empty":          {"", "people.csv:1: the file is empty"},
		"nobody":         {"id,email\n", "there is nobody in it"},
		"no id":          {"name\nAda\n", "people.csv:1: there is neither a column id nor a column email"},
		"utf-16":         {"\xff\xfei\x00d\x00", "people.csv:1: the file is UTF-16"},
		"workbook":       {"PK\x03\x04...", "people.csv:1: the file is a workbook"},
		"latin-1":        {"id,name\n1,Ada\n2,Jos\xe9\n", "people.csv:3: column 3 is not UTF-8"},
		"short row":      {"id,name\n1,Ada\n2\n", "people.csv:3: the row has another number of fields"},
		"open quote":     {"id,name\n1,\"Ada\n2,Bob\n", "people.csv:3: column 7, of the row that begins on line 2"},
		"stray quote":    {"id,name\n1,A\"da\n", "people.csv:2: column 4"},
		"missing id":     {"id,name\n1,\"a\nb\"\n,Ada\n", `people.csv:4: column "id": it is empty`},
		"missing e-mail": {"email,name\n,Ada\n", `people.csv:2: column "email": it is empty`},
		"no e-mail":      {"email\nada\n", `people.csv:2: column "email": "ada" is no e-mail address`},
		"no alias":       {"email,other_emails\na@b.example,x y@z\n", `people.csv:2: column "other_emails": "x" is no e-mail`},
		"same id":        {"id\n7\n8\n7\n", `people.csv:4: column "id": "7" stands on line 2 already`},
		"same e-mail":    {"id,email\n7,a@b.example\n8,A@B.example\n", `people.csv:3: column "email": "a@b.example" stands on line 2 already`},
		"same alias":     {"id,email,other_emails\n7,a@b.example,\n8,c@b.example,A@B.example\n", `people.csv:3: column "other_emails": "a@b.example" stands on line 2 already`},
		"same person":    {"email\na@b.example\nA@b.example\n", `people.csv:3: column "email": "a@b.example" stands on line 2 already`},
		"bad date":       {"id,start\n1,2026-02-30\n", `people.csv:2: column "start": "2026-02-30" is no date of the form 2006-01-02`},
		"ends first":     {"id,start,end\n1,2026-02-03,2026-02-02\n", `people.csv:2: column "end": 2026-02-02 is before the start, 2026-02-03`},
		"unknown type":   {"id,type\n1,intern\n", `people.csv:2: column "type": "intern" is none of employee, contractor, service`},
		"column twice":   {"id,email,Id\n1,,2\n", `people.csv:1: the column "Id" stands there twice`},
		"all of them":    {"id,start\n1,x\n2,y\n", `people.csv:3: column "start"`},
	} {
		t.Run(name, func(t *testing.T) {
			c := file(t, tt.text)
			snap := read(t, c, transport.Options{})
			if !errors.Is(snap.Err, collectors.ErrIncomplete) || !strings.Contains(snap.Err.Error(), tt.want) || len(snap.Records) != 0 || snap.Certificate.Complete {
				t.Fatalf("%v, %d records, want %s", snap.Err, len(snap.Records), tt.want)
			}
			if again := read(t, c, transport.Replay(snap.Exchanges)); again.Err == nil || again.Err.Error() != snap.Err.Error() {
				t.Errorf("played back: %v", again.Err)
			}
		})
	}
	c := file(t, "id,name\n1,Ada\n")
	c.Columns = map[string]string{"id": "id", "start": "Hire date"}
	if snap := read(t, c, transport.Options{}); snap.Err == nil || !strings.Contains(snap.Err.Error(), `people.csv:1: there is no column "Hire date"`) {
		t.Errorf("%v", snap.Err)
	}
}

// TestRead: the file is read anew each time, and one that is not there is said to be.
func TestRead(t *testing.T) {
	c := file(t, "id\n1\n")
	if snap := read(t, c, transport.Options{}); len(snap.Records) != 1 {
		t.Fatal(snap.Err)
	}
	write(t, c, "id\n1\n2\n")
	if snap := read(t, c, transport.Options{}); len(snap.Records) != 2 {
		t.Fatal(snap.Err)
	}
	c.File = "other.csv"
	if snap := read(t, c, transport.Options{}); !errors.Is(snap.Err, collectors.ErrUnreachable) || !strings.Contains(snap.Err.Error(), "other.csv: there is no such file") {
		t.Errorf("%v", snap.Err)
	}
}

func TestConfig(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"no file":       func(c *Config) { c.File = "" },
		"unclean":       func(c *Config) { c.File = "a/../b.csv" },
		"endpoint":      func(c *Config) { c.Common.Endpoint = "https://hr.example.com/" },
		"field":         func(c *Config) { c.Columns = map[string]string{"id": "a", "pay": "b"} },
		"login":         func(c *Config) { c.Columns = map[string]string{"id": "a", "login.Git Hub": "b"} },
		"no column":     func(c *Config) { c.Columns = map[string]string{"id": " "} },
		"nobody":        func(c *Config) { c.Columns = map[string]string{"name": "a"} },
		"words of name": func(c *Config) { c.Values = map[string]map[string]string{"name": {"a": "b"}} },
		"word":          func(c *Config) { c.Values = map[string]map[string]string{"type": {"FTE": "staff"}} },
		"word twice": func(c *Config) {
			c.Values = map[string]map[string]string{"type": {"FTE": "employee", "fte": "service"}}
		},
		"no dates":    func(c *Config) { c.Dates = "" },
		"dates":       func(c *Config) { c.Dates = "dd.mm.yyyy" },
		"half a date": func(c *Config) { c.Dates = "01/2006" },
	} {
		c := newConfig()
		c.File = "people.csv"
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		if set(c); c.Validate() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	c := newConfig()
	c.RelativeTo("/etc/evidenced")
	c.File = "/srv/people.csv"
	if got := c.Files()[c.File]; got != c.File {
		t.Errorf("an absolute path becomes %s", got)
	}
	c.File = filepath.Join("hr", "people.csv")
	if got := c.Files()[c.File]; got != "/etc/evidenced/hr/people.csv" {
		t.Errorf("a relative path becomes %s", got)
	}
}

// FuzzPeople: whatever the file holds, people are read from it that are records, or nobody is.
func FuzzPeople(f *testing.F) {
	f.Add(salaries)
	f.Add("id,email\n1,\"a\n")
	f.Add("\xff\xfe")
	f.Fuzz(func(t *testing.T, text string) {
		snap := read(t, file(t, text), transport.Options{})
		if snap.Err != nil && (!errors.Is(snap.Err, collectors.ErrIncomplete) || len(snap.Records) > 0) {
			t.Errorf("%v, %d records", snap.Err, len(snap.Records))
		}
	})
}

// TestSeveralLogins: who has more than one login at a source has them in one cell.
func TestSeveralLogins(t *testing.T) {
	for cell, want := range map[string]string{
		"bob":                  `{"logins":{"github":"bob"}}`,
		" bob ,Bob-Alt; bob3 ": `{"logins":{"github":"bob"},"other_logins":["github:bob-alt","github:bob3"]}`,
		" , ":                  `{}`,
	} {
		s := read(t, file(t, "id,name,login.github\n1,Bob,\""+cell+"\"\n"), transport.Options{})
		if s.Err != nil || len(s.Records) != 1 {
			t.Fatalf("%q: %v, %d records", cell, s.Err, len(s.Records))
		}
		got := map[string]any{}
		for _, name := range []string{"logins", "other_logins"} {
			if v, ok := s.Records[0].Attributes[name]; ok {
				got[name] = v
			}
		}
		if canonical(t, got) != want {
			t.Errorf("%q is read as %s, want %s", cell, canonical(t, got), want)
		}
	}
}
