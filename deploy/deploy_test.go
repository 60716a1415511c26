package deploy_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v3"

	"github.com/evidenced/evidenced/collectors"
	"github.com/evidenced/evidenced/collectors/all"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/schedule"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// tool finds a program, or says loudly that it is not here.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" && name == "systemd-analyze" { // which .ci/run installs
		t.Fatalf("%s is not here", name)
	}
	t.Skipf("SKIPPED: %s is not here, so what is shipped for it is not run", name)
	return ""
}

func fires(c collectors.Config) error {
	_, _, err := schedule.Specs(c.Base())
	return err
}

// TestConfigurations loads every configuration that is shipped.
func TestConfigurations(t *testing.T) {
	n := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() != "evidenced.yaml":
			return nil
		}
		n++
		c, err := config.Reader{Specs: all.Specs(), Checks: []config.Check{fires}}.Load(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		if !filepath.IsAbs(c.Store.Path) || !filepath.IsAbs(c.Store.Key) {
			t.Errorf("%s: the store is wherever the daemon is started", path)
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Fatalf("%d configurations: %v", n, err)
	}
}

// TestChartConfiguration loads the configuration in the chart's values. That the
// chart is rendered, its own module tests.
func TestChartConfiguration(t *testing.T) {
	var values struct{ Config map[string]any }
	if err := yaml.Unmarshal([]byte(read(t, "helm/evidenced/values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	b, err := yaml.Marshal(values.Config)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Reader{Specs: all.Specs(), Checks: []config.Check{fires}}.Parse("values.yaml", b)
	if err != nil {
		t.Fatal(err)
	}
	if c.Serve.Listen != "0.0.0.0:8470" {
		t.Errorf("probes cannot reach %s", c.Serve.Listen)
	}
}

// TestUnits verifies the units of systemd by its own tool, and how exposed they leave the host.
func TestUnits(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	dir := t.TempDir()
	var units []string
	for _, name := range []string{"evidenced.service", "evidenced-backup.service", "evidenced-backup.timer"} {
		// The program need not be installed for that.
		text := strings.ReplaceAll(read(t, filepath.Join("systemd", name)), "/usr/local/bin/evidenced", "/bin/true")
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		units = append(units, path)
	}
	if out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	for _, unit := range units[:2] { // of ten; 2 is what it calls OK
		out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", "--no-pager", unit).CombinedOutput()
		if err != nil {
			t.Errorf("systemd-analyze security: %v\n%s", err, out)
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Log(lines[len(lines)-1])
	}
}

// TestCompose holds the compose file to what it promises.
func TestCompose(t *testing.T) {
	var c struct {
		Services map[string]struct {
			ReadOnly bool `yaml:"read_only"`
			User     string
			CapDrop  []string `yaml:"cap_drop"`
			Options  []string `yaml:"security_opt"`
			Ports    []string
			Volumes  []string
		}
	}
	d := yaml.NewDecoder(strings.NewReader(read(t, "docker/compose.yaml")))
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	s := c.Services["evidenced"]
	if !s.ReadOnly || s.User != "65532:65532" || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.Options, "no-new-privileges:true") {
		t.Errorf("not hardened: %+v", s)
	}
	for _, p := range s.Ports {
		if !strings.HasPrefix(p, "127.0.0.1:") {
			t.Errorf("port %s is open to others", p)
		}
	}
	for _, v := range s.Volumes {
		if from, _, _ := strings.Cut(v, ":"); strings.HasPrefix(from, "./") {
			read(t, filepath.Join("docker", from))
		}
	}
}

// TestDockerfile holds the image to what it promises; it is built where there are images to build on.
func TestDockerfile(t *testing.T) {
	_, last, _ := strings.Cut(read(t, "docker/Dockerfile"), "\nFROM scratch\n")
	for _, want := range []string{"\nUSER 65532:65532\n", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo", `ENTRYPOINT ["/evidenced"]`} {
		if !strings.Contains(last, want) {
			t.Errorf("the last stage has no %q", want)
		}
	}
	if strings.Contains(last, "RUN ") || strings.Contains(last, "ADD ") {
		t.Error("the last stage runs something")
	}
	if flags := `-trimpath -buildvcs=false -tags grpcnotrace -ldflags "-s -w -buildid= -X github.com/evidenced/evidenced/ops.Released=`; !strings.Contains(read(t, "docker/Dockerfile"), flags) || !strings.Contains(strings.ReplaceAll(read(t, "../Makefile"), "'", `"`), flags) {
		t.Errorf("image and release are not built alike, with %s", flags)
	}
}

// TestTerraform parses every module: what it refers to is there, and everything
// that is there has a description.
func TestTerraform(t *testing.T) {
	for _, dir := range []string{"terraform/aws", "terraform/gcp"} {
		declared, used := map[string]bool{}, map[string]string{}
		files, err := filepath.Glob(dir + "/*.tf")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, path := range files {
			f, diags := hclsyntax.ParseConfig([]byte(read(t, path)), path, hcl.InitialPos)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			body := f.Body.(*hclsyntax.Body)
			for _, b := range body.Blocks {
				declare(t, declared, b)
			}
			_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
				if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
					used[address(e.Traversal)] = e.Range().String()
				}
				return nil
			})
		}
		for name, where := range used {
			if first, _, _ := strings.Cut(name, "."); !declared[name] && !slices.Contains([]string{"path", "each", "string", "number", "list", "disk_encryption_key"}, first) && name != "ami" {
				t.Errorf("%s: %s is declared nowhere", where, name)
			}
		}
	}
}

// declare notes the address of what a block declares.
func declare(t *testing.T, declared map[string]bool, b *hclsyntax.Block) {
	switch b.Type {
	case "variable":
		declared["var."+b.Labels[0]] = true
		if b.Body.Attributes["description"] == nil {
			t.Errorf("variable %s has no description", b.Labels[0])
		}
	case "resource":
		declared[strings.Join(b.Labels, ".")] = true
	case "data":
		declared["data."+strings.Join(b.Labels, ".")] = true
	case "locals":
		for name := range b.Body.Attributes {
			declared["local."+name] = true
		}
	}
}

// address is what of a reference names a thing: type.name, data.type.name, var.name.
func address(t hcl.Traversal) string {
	parts := []string{t.RootName()}
	for _, step := range t[1:] {
		if a, ok := step.(hcl.TraverseAttr); ok {
			parts = append(parts, a.Name)
		}
	}
	n := 2
	if parts[0] == "data" {
		n = 3
	}
	return strings.Join(parts[:min(n, len(parts))], ".")
}

// TestTerraformFormat lets terraform look at the form. It is not asked to validate:
// that needs its providers, from its registry.
func TestTerraformFormat(t *testing.T) {
	cmd := exec.Command(tool(t, "terraform"), "fmt", "-check", "-recursive", "-diff", "terraform")
	cmd.Env = append(os.Environ(), "TF_CLI_CONFIG_FILE="+os.DevNull)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
