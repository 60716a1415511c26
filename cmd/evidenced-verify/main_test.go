package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	garbage := filepath.Join(t.TempDir(), "b.zip")
	if err := os.WriteFile(garbage, []byte("no bundle"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage: evidenced-verify"},
		{[]string{"--colour", garbage}, 2, "usage: evidenced-verify"},
		{[]string{garbage, garbage}, 2, "usage: evidenced-verify"},
		{[]string{garbage + ".absent"}, 1, "no such file"},
		{[]string{filepath.Dir(garbage)}, 1, "not a regular file"},
		{[]string{garbage}, 1, "NOT SOUND"},
		{[]string{"--json", garbage}, 1, `"ok": false`},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), c.args, &stdout, &stderr); code != c.code || !strings.Contains(stdout.String()+stderr.String(), c.want) {
			t.Errorf("%v: exit %d, want %d with %q\n%s%s", c.args, code, c.code, c.want, stdout.String(), stderr.String())
		}
		if len(c.args) > 1 && c.args[0] == "--json" && !json.Valid(stdout.Bytes()) {
			t.Errorf("%v: not JSON: %s", c.args, stdout.String())
		}
	}
}
