package collectortest

import (
	"bytes"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/evidence"
)

// Check holds a declaration to the rules that all sources share.
func Check(t *testing.T, spec collectors.Spec) {
	t.Run("words", func(t *testing.T) { checkWords(t, spec) })
	t.Run("kinds", func(t *testing.T) { checkKinds(t, spec) })
	t.Run("calls", func(t *testing.T) { checkCalls(t, spec) })
	t.Run("config", func(t *testing.T) { checkConfig(t, spec) })
	t.Run("sample", func(t *testing.T) { checkSample(t, spec) })
	t.Run("policy", func(t *testing.T) { checkPolicy(t, spec) })
}

var sourceName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

func checkWords(t *testing.T, spec collectors.Spec) {
	if !sourceName.MatchString(spec.Name) {
		t.Errorf("name %q", spec.Name)
	}
	if spec.Version < 1 {
		t.Error("the version is not stated")
	}
	if !strings.HasSuffix(spec.Doc, ".") || strings.Contains(spec.Doc, "\n") {
		t.Errorf("doc %q is not one sentence", spec.Doc)
	}
	if len(spec.Redact) == 0 {
		t.Error("no field is redacted: name those that carry credentials in the vendor's answers")
	}
}

func checkKinds(t *testing.T, spec collectors.Spec) {
	seen := map[evidence.Kind]bool{}
	for _, k := range spec.Kinds {
		if err := (evidence.Record{Kind: k.Kind, ID: "x"}).Validate(); err != nil || !strings.HasPrefix(string(k.Kind), spec.Name+".") || seen[k.Kind] {
			t.Errorf("kind %s: want it once, and named %s.something; %v", k.Kind, spec.Name, err)
		}
		seen[k.Kind] = true
		if k.Doc == "" || k.Mode != evidence.State && k.Mode != evidence.Event || k.Mode == evidence.State && k.Late != 0 {
			t.Errorf("kind %s: doc %q, mode %q, late %s", k.Kind, k.Doc, k.Mode, k.Late)
		}
	}
	if !seen[spec.Root] {
		t.Errorf("the root %s is not among the kinds", spec.Root)
	}
}

func checkCalls(t *testing.T, spec collectors.Spec) {
	for _, c := range spec.Calls {
		if err := c.CheckRead(); err != nil {
			t.Error(err)
		}
		if c.Why == "" {
			t.Errorf("%s: why is not said", c.Name)
		}
		if len(c.Permissions) == 0 && !strings.Contains(c.Why, "needs no permission") {
			t.Errorf("%s: neither permissions nor that it needs none", c.Name)
		}
		for _, k := range c.Kinds {
			if _, ok := spec.Kind(k); !ok {
				t.Errorf("%s serves the unknown kind %s", c.Name, k)
			}
		}
	}
}

func checkConfig(t *testing.T, spec collectors.Spec) {
	cfg := spec.NewConfig()
	if spec.NewConfig().Base() == cfg.Base() {
		t.Error("NewConfig gives the same one twice")
	}
	if cfg.Base().Schedule == "" {
		t.Error("no default schedule")
	}
	for _, h := range cfg.Hosts() {
		if strings.Count(h, "*") > 0 && strings.Count(h, ".") < 2 {
			t.Errorf("host pattern %q is too wide", h)
		}
	}
	cfg = sampleConfig(t, spec, spec.Sample)
	cfg.Base().Endpoint = "https://source.example/"
	if local(spec) {
		if cfg.Validate() == nil || len(cfg.Hosts()) > 0 && !directory(spec) {
			t.Errorf("a source without a web server takes an endpoint, or asks the hosts %v", cfg.Hosts())
		}
		return
	}
	if err := cfg.Validate(); err != nil || !slices.Equal(cfg.Hosts(), []string{"source.example"}) {
		t.Errorf("with an endpoint override: %v, hosts %v", err, cfg.Hosts())
	}
	cfg.Base().Endpoint = "http://source.example/"
	if cfg.Validate() == nil {
		t.Error("plain http to another machine is accepted")
	}
}

// local reports a source that asks no web server: programs and files of this
// machine, a directory.
func local(spec collectors.Spec) bool {
	return !slices.ContainsFunc(spec.Calls, func(c collectors.Call) bool {
		return !strings.HasPrefix(c.Name, "RUN ") && !strings.HasPrefix(c.Name, "FILE ") && !strings.HasPrefix(c.Name, "LDAP ")
	})
}

// directory reports a source that asks a directory.
func directory(spec collectors.Spec) bool {
	return slices.ContainsFunc(spec.Calls, func(c collectors.Call) bool { return strings.HasPrefix(c.Name, "LDAP ") })
}

// commented finds the lines of a sample that show a default or an example.
var commented = regexp.MustCompile(`(?m)^# `)

func checkSample(t *testing.T, spec collectors.Spec) {
	if err := sampleConfig(t, spec, spec.Sample).Validate(); err != nil {
		t.Errorf("as it is: %v", err)
	}
	sampleConfig(t, spec, commented.ReplaceAll(spec.Sample, nil))
	for _, key := range keysOf(spec.NewConfig()) {
		if key == "schedules" || key == "endpoint" && local(spec) { // every source takes it
			continue
		}
		if !regexp.MustCompile(`(?m)^(# )?` + key + `:`).Match(spec.Sample) {
			t.Errorf("the key %s is not shown", key)
		}
	}
	for line := range strings.Lines(string(spec.Sample)) {
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "## ") && !strings.HasPrefix(line, "# ") {
			t.Errorf("line %q: ## explains, # shows a default", line)
		}
	}
}

// sampleConfig reads a sample strictly.
func sampleConfig(t *testing.T, spec collectors.Spec, sample []byte) collectors.Config {
	t.Helper()
	cfg := spec.NewConfig()
	if err := yaml.UnmarshalWithOptions(sample, cfg, yaml.Strict()); err != nil {
		t.Fatalf("the sample does not parse: %v", err)
	}
	return cfg
}

// keysOf returns the keys of a configuration, as it says itself or as its struct does.
func keysOf(cfg collectors.Config) []string {
	if said, ok := cfg.(interface{ Keys() []string }); ok {
		return said.Keys()
	}
	return keys(reflect.TypeOf(cfg).Elem())
}

// keys returns the keys of a configuration, those of inlined structs included.
func keys(typ reflect.Type) (names []string) {
	for i := range typ.NumField() {
		name, option, _ := strings.Cut(typ.Field(i).Tag.Get("yaml"), ",")
		switch {
		case option == "inline":
			names = append(names, keys(typ.Field(i).Type)...)
		case name != "" && name != "-":
			names = append(names, name)
		}
	}
	return names
}

func checkPolicy(t *testing.T, spec collectors.Spec) {
	if spec.Policy == nil {
		t.Fatal("no policy is rendered")
	}
	one, err := spec.Policy(spec.Calls)
	two, _ := spec.Policy(spec.Calls)
	if err != nil || !bytes.Equal(one, two) {
		t.Fatalf("the policy differs from itself, or %v", err)
	}
	for _, c := range spec.Calls {
		for _, p := range c.Permissions {
			name, _, _ := strings.Cut(p, ": ")
			if !bytes.Contains(one, []byte(name)) {
				t.Errorf("the policy does not grant %q", p)
			}
		}
	}
}
