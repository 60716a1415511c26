package main

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/store"
)

// periodCommands are those of the scripts about what people do in a period.
func periodCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){"access": access, "later": later, "days": days, "zeros": zeros, "capture": capture, "pulls": pulls}
}

// later runs a command line so many days from now, with the exit code that is given,
// and writes what it says to later.txt: later DAYS CODE ARGUMENT...
func later(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.Setenv("START", ts.Getenv("START"))) // of this process; those that scripts start have their own
	var said bytes.Buffer
	a := &app{stdout: &said, stderr: &said, now: func() time.Time { return time.Now().AddDate(0, 0, n) }}
	code := a.run(context.Background(), append([]string{"--config", ts.MkAbs("evidenced.yaml")}, args[2:]...))
	ts.Check(os.WriteFile(ts.MkAbs("later.txt"), said.Bytes(), 0o600))
	if strconv.Itoa(code) != args[1] {
		ts.Fatalf("exit code %d\n%s", code, said.Bytes())
	}
}

// access appends what Okta and the roster said so many days from now: access
// STORE KEY DAYS ACCOUNT... An account is ann@x, ann@x:admins with a group,
// -ann@x where it is deactivated; the word partial makes the list one of a part.
// Everybody is in the roster but who begins with "x"; so are five people who decide.
func access(ts *testscript.TestScript, _ bool, args []string) {
	if _, err := os.Stat(ts.MkAbs(args[1])); err != nil {
		newKey(ts, false, args[1:2])
	}
	key, err := store.ReadKey(ts.MkAbs(args[1]))
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	at := time.Now().UTC().AddDate(0, 0, n).Add(-time.Minute).Truncate(time.Second)
	s, err := store.Open(ts.MkAbs(args[0]), store.Options{Key: key, Now: func() time.Time { return at }})
	ts.Check(err)
	ts.Check(s.Append(context.Background(), func(w evidence.Writer) error { return appendAccess(w, at, args[3:]) }))
	ts.Check(s.Close())
}

func appendAccess(w evidence.Writer, at time.Time, accounts []string) error {
	outcome := evidence.Collected
	var users, groups, people []evidence.Record
	for _, text := range accounts {
		if text == "partial" {
			outcome = evidence.Partial
			continue
		}
		mail, group, grouped := strings.Cut(text, ":")
		mail, status := strings.TrimPrefix(mail, "-"), "ACTIVE"
		if strings.HasPrefix(text, "-") {
			status = "DEPROVISIONED"
		}
		users = append(users, evidence.Record{Kind: "okta.user", ID: "u-" + mail, Name: mail, Attributes: map[string]any{"login": mail, "email": mail, "status": status, "created_at": "2020-01-01T00:00:00Z"}})
		if grouped {
			groups = append(groups, evidence.Record{Kind: "okta.group_member", ID: group + "/u-" + mail, Name: mail, Attributes: map[string]any{"user_id": "u-" + mail, "group_id": group, "group": group}})
		}
		if mail[0] != 'x' {
			people = append(people, evidence.Record{Kind: "roster.person", ID: mail, Name: mail, Attributes: map[string]any{"type": "employee", "emails": []any{mail}, "start": "2020-01-01"}})
		}
	}
	for _, name := range []string{"ceo", "cfo", "cto", "eve", "fay"} { // people who decide, and have no account
		mail := name + "@acme.example"
		people = append(people, evidence.Record{Kind: "roster.person", ID: mail, Name: strings.ToUpper(name[:1]) + name[1:] + " Example", Attributes: map[string]any{"type": "employee", "emails": []any{mail}, "start": "2020-01-01"}})
	}
	for _, part := range []struct {
		stream  evidence.Stream
		records []evidence.Record
	}{{evidence.Stream{Source: "okta", Kind: "okta.user", Scope: "acme"}, users}, {evidence.Stream{Source: "okta", Kind: "okta.group_member", Scope: "acme"}, groups},
		{evidence.Stream{Source: "roster", Kind: "roster.person", Scope: "roster"}, people}} {
		if err := appendRun(w, part.stream, at, outcome, nil, part.records); err != nil {
			return err
		}
	}
	return nil
}

// appendRun appends a run with its records.
func appendRun(w evidence.Writer, stream evidence.Stream, at time.Time, outcome evidence.Outcome, window *evidence.Window, records []evidence.Record) error {
	if err := evidence.SortRecords(records); err != nil {
		return err
	}
	lines, err := evidence.Lines(records)
	if err != nil {
		return err
	}
	ref, err := w.Blob(evidence.Series{Stream: stream, Content: evidence.ContentRecords}, bytes.NewReader(lines), len(records))
	if err != nil {
		return err
	}
	run := evidence.Run{Slot: evidence.Slot{Stream: stream, Due: at, Trigger: evidence.OnDemand}, Outcome: outcome, Records: &ref,
		Certificate: &evidence.Certificate{Complete: outcome.Complete(), Started: at, Ended: at, Rows: len(records), Window: window, Scopes: []evidence.ScopeResult{{Scope: stream.Scope, Status: evidence.ScopeRead}}, Principal: "test", Collector: "test", Rules: "test"}}
	if !outcome.Complete() {
		run.Reason = &evidence.Reason{Class: evidence.Denied, Detail: "a part"}
	}
	_, err = w.Entry(evidence.Entry{Type: evidence.EntryRun, Run: &run})
	return err
}

// pulls appends one window of so many merged pull requests, from the start of
// the period to now: pulls STORE KEY COUNT [whole|hole]. With hole it begins a day late.
func pulls(ts *testscript.TestScript, _ bool, args []string) {
	if _, err := os.Stat(ts.MkAbs(args[1])); err != nil {
		newKey(ts, false, args[1:2])
	}
	key, err := store.ReadKey(ts.MkAbs(args[1]))
	ts.Check(err)
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	at := time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	w := evidence.Window{From: at.Truncate(24*time.Hour).AddDate(0, 0, -40), To: at}
	var records []evidence.Record
	for i := range n {
		when := w.From.Add(time.Duration(i+1) * w.To.Sub(w.From) / time.Duration(n+1)).Truncate(time.Second)
		records = append(records, evidence.Record{Kind: "github.pull_request", ID: "PR_" + strconv.Itoa(i), Name: "=pull " + strconv.Itoa(i), Effective: &when, Attributes: map[string]any{"number": int64(i)}})
	}
	if len(args) > 3 {
		w.From = w.From.AddDate(0, 0, 1)
	}
	s, err := store.Open(ts.MkAbs(args[0]), store.Options{Key: key, Now: func() time.Time { return at }})
	ts.Check(err)
	stream := evidence.Stream{Source: "github", Kind: "github.pull_request", Scope: "acme"}
	ts.Check(s.Append(context.Background(), func(wr evidence.Writer) error { return appendRun(wr, stream, at, evidence.Collected, &w, records) }))
	ts.Check(s.Close())
}

// days sets a variable to the day that lies so many days from now: days NAME N.
func days(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Setenv(args[0], time.Now().UTC().AddDate(0, 0, n).Format(time.DateOnly))
}

// zeros makes a file of so many bytes that takes no room: zeros FILE BYTES.
func zeros(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o600))
	ts.Check(os.Truncate(ts.MkAbs(args[0]), n))
}

// capture sets a variable to the first word of a file that begins so: capture NAME FILE PREFIX [LINE],
// of the lines that hold LINE where it is given.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		if len(args) > 3 && !strings.Contains(line, args[3]) {
			continue
		}
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\n\",:", r) }) {
			if strings.HasPrefix(word, args[2]) {
				ts.Setenv(args[0], word)
				return
			}
		}
	}
	ts.Fatalf("%s has no word that begins with %s", args[1], args[2])
}
