package mototest

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Model is AWS's own description of one of its APIs, as it comes with moto:
// the shapes of all answers, and which operations answer in pages.
// https://github.com/boto/botocore (data/*/*/service-2.json, paginators-1.json)
type Model struct {
	Metadata   struct{ Protocol, TargetPrefix string }
	Operations map[string]struct{ Output *shapeRef }
	Shapes     map[string]shape
	Pages      map[string]Pagination `json:"-"`
}

// Pagination says by which member an answer names its next page, and by which
// it says that there is one.
type Pagination struct {
	OutputToken tokens `json:"output_token"`
	MoreResults string `json:"more_results"`
}

// tokens may be written as one, without a list.
type tokens []string

// UnmarshalJSON takes a list, or one.
func (p *tokens) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*p = tokens{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(p))
}

type shapeRef struct {
	Shape, Location, LocationName, ResultWrapper string
	Flattened                                    bool
}

type shape struct {
	Type       string
	Members    map[string]shapeRef
	Required   []string
	Member     shapeRef
	Key, Value shapeRef
	Payload    string
	Enum       []string
	Flattened  bool
	// Eventstream, Document and so on are not met.
}

// ReadModel reads the description of an API: "iam", "elbv2", "sso-admin". Where
// moto is not installed the test is skipped, loudly, and under CI it fails.
func ReadModel(t *testing.T, name string) *Model {
	t.Helper()
	binary(t) // the descriptions come with it
	found, err := filepath.Glob(filepath.Join(root(t), ".venv/lib/python3*/site-packages/botocore/data", name, "*"))
	if err != nil || len(found) == 0 {
		const why = "SKIPPED: AWS's own descriptions are not here: `make .venv/moto.ok` installs them"
		if os.Getenv("CI") == "true" {
			t.Fatal(why)
		}
		t.Skip(why)
	}
	latest := found[len(found)-1] // they are named by date
	m := &Model{}
	decodeFile(t, filepath.Join(latest, "service-2.json"), m)
	pages := struct{ Pagination map[string]Pagination }{}
	if _, err := os.Stat(filepath.Join(latest, "paginators-1.json")); err == nil {
		decodeFile(t, filepath.Join(latest, "paginators-1.json"), &pages)
	}
	m.Pages = pages.Pagination
	return m
}

// decodeFile reads a JSON document that may be compressed.
func decodeFile(t *testing.T, path string, into any) {
	t.Helper()
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		f, err = os.Open(path + ".gz")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was read
	dec := json.NewDecoder(f)
	if strings.HasSuffix(f.Name(), ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		dec = json.NewDecoder(z)
	}
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v", f.Name(), err)
	}
}

// NameInBody is what a member of an operation's answer is called in its body.
func (m *Model) NameInBody(operation, member string) string {
	out := m.Shapes[m.Operations[operation].Output.Shape]
	return orElse(out.Members[member].LocationName, member)
}
