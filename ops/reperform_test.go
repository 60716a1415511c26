package ops

import (
	"bytes"
	"slices"
	"testing"

	"github.com/evidenced/evidenced/gap/catalogue"
)

// TestForeignTests: a bundle may be judged by other tests than ours, and says so.
func TestForeignTests(t *testing.T) {
	own, err := catalogue.Default()
	if err != nil {
		t.Fatal(err)
	}
	text, err := own.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		old, new string
		want     []string
	}{
		"ours":    {"", "", nil},
		"altered": {`"pass":"r.tls_only"`, `"pass":"true || r.tls_only"`, []string{"aws.s3.tls-only"}},
		"renamed": {`"id":"aws.s3.tls-only"`, `"id":"aws.s3.tls-most"`, []string{"aws.s3.tls-most"}},
	} {
		changed := bytes.Replace(text, []byte(tt.old), []byte(tt.new), 1)
		c, err := catalogue.Parse(changed)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := ForeignTests(c); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
