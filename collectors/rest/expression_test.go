package rest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors"
)

func compiled(t *testing.T, text string) *expression {
	t.Helper()
	e, err := parseExpression(text, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.compile(nil); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExpressionEnds(t *testing.T) {
	for _, text := range []string{"def f: f; f", "repeat(1)", "last(range(1e12))"} {
		_, err := compiled(t, text).run(t.Context(), nil, nil, bounds{100_000, 1000, 1 << 40})
		if !errors.Is(err, collectors.ErrIncomplete) {
			t.Errorf("%s: got %v, want incomplete", text, err)
		}
	}
	if got, err := compiled(t, "range(3)").run(t.Context(), nil, nil, bounds{100_000, 3, 1 << 40}); err != nil || len(got) != 3 {
		t.Errorf("got %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compiled(t, "repeat(1)").all(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want canceled", err)
	}
}

// TestExpressionRoom: one value without end does not take the memory of the machine.
func TestExpressionRoom(t *testing.T) {
	for _, text := range []string{"[range(1e12)]", "[limit(1e12; repeat(1))]"} {
		began := heapNow()
		_, err := compiled(t, text).run(t.Context(), nil, nil, bounds{1 << 60, 1000, 16 << 20})
		if !errors.Is(err, collectors.ErrIncomplete) || !strings.Contains(err.Error(), "needs more than 16 MB") {
			t.Errorf("%s: got %v", text, err)
		}
		if now := heapNow(); now > began && now-began > 1<<30 {
			t.Errorf("%s: the heap grew by %d MB", text, (now-began)>>20)
		}
	}
}

// What is no number in JSON is none in a record.
func TestNumbersThatDoNotFit(t *testing.T) {
	for _, text := range []string{"infinite", "nan", "[1, infinite]", "{a: pow(10; 400)}"} {
		v, err := compiled(t, text).one(t.Context(), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := plain(v); !errors.Is(err, collectors.ErrIncomplete) {
			t.Errorf("%s: got %v, %v, want incomplete", text, got, err)
		}
	}
}

func TestUnixTimes(t *testing.T) {
	for text, want := range map[string]any{
		"1750000000 | unixtime":                   "2025-06-15T15:06:40Z",
		"1750000000123 | unixmillis":              "2025-06-15T15:06:40.123Z",
		"\"1750000000\" | unixtime":               "2025-06-15T15:06:40Z",
		"null | unixtime":                         nil,
		"4102444800000 | unixmillis":              "2100-01-01T00:00:00Z",
		"(1e300 | unixtime)?":                     nil,
		"(1e18 | unixmillis)?":                    nil,
		"(infinite | unixtime)?":                  nil,
		"(1750000000000 | unixtime)?":             nil,
		"(-1e11 | unixtime)?":                     nil,
		"(\"9999-12-31T23:59:59-23:00\" | time)?": nil,
	} {
		if got, err := compiled(t, text).one(t.Context(), nil, nil); err != nil || got != want {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want)
		}
	}
}
