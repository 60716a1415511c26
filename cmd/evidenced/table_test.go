package main

import (
	"bytes"
	"errors"
	"testing"

	"github.com/evidenced/evidenced/ops/setup"
)

func TestErrorsAreHarmless(t *testing.T) {
	err := errors.Join(errors.New("a.yaml:1: \x1b[2Jx"), errors.New("a.yaml:2: y\u202e"))
	if got, want := printableError(err), "a.yaml:1: \uFFFD[2Jx\n  a.yaml:2: y\uFFFD"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPrincipalIsHarmless(t *testing.T) {
	var b bytes.Buffer
	sourceText(&b, setup.SourceReport{Source: "aws", Principal: "\x1b]0;x\a"})
	if bytes.ContainsAny(b.Bytes(), "\x1b\a") {
		t.Errorf("%q", b.String())
	}
}
