package verify_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/store"
	"github.com/evidenced/evidenced/verify"
)

// TestTextIsHarmless: nothing that a bundle says reaches the terminal as more than text.
func TestTextIsHarmless(t *testing.T) {
	const bad = "x\x1b]0;title\a\nsound: nothing was changed\r\u009b2J\u202e\x7f"
	var b bytes.Buffer
	err := verify.Result{Key: bad, Failures: []verify.Failure{{Check: bad, File: bad, Detail: bad}}}.WriteText(&b)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\a\r\u009b\u202e\x7f") || strings.Count(b.String(), "\n") != 5 {
		t.Fatalf("%q", b.String())
	}
}

// TestHostileKeyName: a bundle that its maker signed with a key whose name speaks to the terminal.
func TestHostileKeyName(t *testing.T) {
	s, key := filled(t, 2, 2)
	bundle := write(t, s, key, 2)
	for _, name := range []string{"a\x1b[2J", "acme\u202e", "", "a b", strings.Repeat("a", 201)} {
		bad := rewrite(t, bundle, func(file string, c []byte) []byte {
			if file == "manifest.json" {
				return bytes.Replace(c, []byte(`"key":"evidenced/acme`), []byte(`"key":"`+strings.ReplaceAll(name, "\x1b", "\\u001b")), 1)
			}
			return c
		}, nil)
		res := check(t, bad, "")
		wantFailure(t, res, "signature")
		if !strings.Contains(res.Failures[0].Detail, "letters, digits") {
			t.Errorf("%q: %v", name, res.Failures[0])
		}
	}
	if _, err := store.NewKey("evidenced/acme_1.x-2", nil); err != nil {
		t.Fatal(err)
	}
}
