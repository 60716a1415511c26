// Package helm holds the chart. Its tests render it with Helm's own engine; they
// are a module of their own, so that the program does not depend on Kubernetes.
package helm

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
)

const chart = "evidenced"

// rendered are the objects of the chart, by kind, with values over its own.
func rendered(t *testing.T, values map[string]any) map[string]map[string]any {
	t.Helper()
	c, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	v, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: "ev", Namespace: "audit"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, v)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]map[string]any{}
	for name, text := range files {
		for doc := range strings.SplitSeq(text, "\n---\n") {
			var o map[string]any
			if err := yaml.Unmarshal([]byte(doc), &o); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, doc)
			}
			if kind, ok := o["kind"].(string); ok {
				objects[kind] = o
			}
		}
	}
	return objects
}

// at follows keys and indices into an object.
func at(t *testing.T, o any, path ...any) any {
	t.Helper()
	for _, p := range path {
		switch k := p.(type) {
		case string:
			m, ok := o.(map[string]any)
			if !ok || m[k] == nil {
				t.Fatalf("%v: there is no %q in %v", path, k, o)
			}
			o = m[k]
		case int:
			l, ok := o.([]any)
			if !ok || k >= len(l) {
				t.Fatalf("%v: there is no item %d in %v", path, k, o)
			}
			o = l[k]
		}
	}
	return o
}

func TestLint(t *testing.T) {
	for _, m := range lint.AllWithKubeVersion(chart, nil, "audit", nil).Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
}

func TestHardened(t *testing.T) {
	o := rendered(t, nil)
	set := o["StatefulSet"]
	if at(t, set, "spec", "replicas") != 1 {
		t.Error("a store has one writer")
	}
	pod := at(t, set, "spec", "template", "spec")
	for _, want := range []struct {
		path  []any
		value any
	}{
		{[]any{"securityContext", "runAsNonRoot"}, true},
		{[]any{"securityContext", "seccompProfile", "type"}, "RuntimeDefault"},
		{[]any{"containers", 0, "securityContext", "readOnlyRootFilesystem"}, true},
		{[]any{"containers", 0, "securityContext", "capabilities", "drop", 0}, "ALL"},
		{[]any{"containers", 0, "livenessProbe", "httpGet", "path"}, "/healthz"},
		{[]any{"containers", 0, "readinessProbe", "httpGet", "path"}, "/readyz"},
		{[]any{"automountServiceAccountToken"}, nil},
	} {
		if want.value == nil {
			continue
		}
		if got := at(t, pod, want.path...); got != want.value {
			t.Errorf("%v is %v, want %v", want.path, got, want.value)
		}
	}
	if got := pod.(map[string]any)["automountServiceAccountToken"]; got != false {
		t.Errorf("the token of the service account is mounted: %v", got)
	}
	if _, ok := o["NetworkPolicy"]; !ok {
		t.Error("no network policy")
	}
	text, ok := at(t, o["ConfigMap"], "data", "evidenced.yaml").(string)
	if !ok || !strings.Contains(text, "organization:") {
		t.Errorf("the configuration is %q", text)
	}
}

// TestCredentials: workload identity and secrets reach the pod.
func TestCredentials(t *testing.T) {
	o := rendered(t, map[string]any{"secrets": []any{"github", "store"}, "serviceMonitor": map[string]any{"enabled": true},
		"serviceAccount": map[string]any{"annotations": map[string]any{"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/evidenced"}}})
	if got := at(t, o["ServiceAccount"], "metadata", "annotations", "eks.amazonaws.com/role-arn"); got != "arn:aws:iam::111122223333:role/evidenced" {
		t.Error(got)
	}
	if got := at(t, o["StatefulSet"], "spec", "template", "spec", "containers", 0, "volumeMounts", 3, "mountPath"); got != "/run/secrets/github" {
		t.Error(got)
	}
	if _, ok := o["ServiceMonitor"]; !ok {
		t.Error("no service monitor")
	}
}
