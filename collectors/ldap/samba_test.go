package ldap

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/evidenced/evidenced/collectors/transport"
	"github.com/evidenced/evidenced/evidence"
)

// TestSamba reads a domain of Active Directory as Samba's domain controller
// serves it: its own schema, rootDSE, controls, referrals and times.
func TestSamba(t *testing.T) {
	c := controller(t)
	snaps := map[evidence.Kind]transport.Snapshot{}
	for _, k := range everyKind {
		snap := read(t, c, transport.Options{}, k)
		if snap.Err != nil {
			t.Fatalf("%s: %v", k, snap.Err)
		}
		if kept := canonical(t, snap.Exchanges) + canonical(t, snap.Records); strings.Contains(kept, planted) || strings.Contains(kept, "unicodePwd") {
			t.Errorf("%s keeps a password", k)
		}
		if again := read(t, c, transport.Replay(snap.Exchanges), k); again.Err != nil || canonical(t, again.Records) != canonical(t, snap.Records) {
			t.Errorf("%s played back: %v", k, again.Err)
		}
		snaps[k] = snap
	}
	if got := canonical(t, snaps[kindDirectory].Records); !strings.Contains(got, `"flavor":"ad"`) || !strings.Contains(got, "CN=Schema,CN=Configuration,DC=acme,DC=example") {
		t.Errorf("directory %s", got)
	}
	users := byLogin(snaps[kindUser].Records)
	for login, want := range map[string]map[string]any{
		"ada":           {"enabled": true, "email": "ada@acme.example", "department": "R&D", "title": "Engineer", "password_never_expires": false, "admin": nil, "last_login": nil, "employee_number": nil},
		"bob":           {"enabled": false},
		"svc":           {"enabled": true, "password_never_expires": true},
		"Administrator": {"admin": true},
		"Guest":         {"enabled": false, "password_not_required": true, "password_must_change": true},
		"evidenced":     {"enabled": true},
	} {
		for name, v := range want {
			got, there := users[login].Attributes[name]
			if v == nil && there || v != nil && got != v {
				t.Errorf("%s: %s is %v, want %v", login, name, got, v)
			}
		}
	}
	for _, name := range []string{"created", "password_last_set"} {
		if _, there := users["ada"].Attributes[name]; !there {
			t.Errorf("ada: no %s in %v", name, users["ada"].Attributes)
		}
	}
	checkDomain(t, snaps)
}

func checkDomain(t *testing.T, snaps map[evidence.Kind]transport.Snapshot) {
	groups := byLogin(snaps[kindGroup].Records)
	if got := canonical(t, groups["Domain Admins"].Attributes["members"]); !strings.Contains(got, "CN=Administrator,") || !strings.Contains(got, "CN=ada,") {
		t.Errorf("Domain Admins: %s", got)
	}
	if got := groups["Domain Admins"].Attributes["admin"]; got != true {
		t.Errorf("Domain Admins: admin is %v", got)
	}
	policies := snaps[kindPolicy].Records
	if len(policies) != 1 || policies[0].Attributes["min_length"] != int64(7) || policies[0].Attributes["max_age_seconds"] != int64(42*86400) || policies[0].Attributes["complexity"] != true || policies[0].Attributes["scope"] != "domain" {
		t.Errorf("policies %s", canonical(t, policies))
	}
	if got := snaps[kindUser].Certificate.Filters["not searched: CN=Configuration,DC=acme,DC=example"]; got == "" {
		t.Errorf("filters %v", snaps[kindUser].Certificate.Filters)
	}
}

func byLogin(records []evidence.Record) map[string]evidence.Record {
	m := map[string]evidence.Record{}
	for _, r := range records {
		login, _ := r.Attributes["login"].(string)
		m[login] = r
	}
	return m
}

// controller starts a domain controller on this machine, whose ports are fixed.
func controller(t *testing.T) *Config {
	t.Helper()
	samba, tool := need(t, "samba", "samba samba-ad-dc samba-ad-provision"), need(t, "samba-tool", "samba samba-ad-dc samba-ad-provision")
	for _, port := range []string{"389", "636", "3268"} {
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			skip(t, "a domain controller needs port "+port+": "+err.Error())
		}
		_ = l.Close() // it was only to see
	}
	dir := t.TempDir()
	ca, _ := certificates(t, dir)
	state := filepath.Join(dir, "dc")
	command(t, tool, "domain", "provision", "--targetdir="+state, "--realm=ACME.EXAMPLE", "--domain=ACME", "--host-name=dc", "--server-role=dc", "--dns-backend=NONE", "--adminpass="+planted,
		"--option=bind interfaces only=yes", "--option=interfaces=lo")
	sam := []string{"-H", filepath.Join(state, "private", "sam.ldb"), "-s", filepath.Join(state, "etc", "smb.conf")}
	for _, args := range [][]string{
		{"user", "create", "ada", planted, "--mail-address=Ada@acme.example", "--department=R&D", "--job-title=Engineer"}, {"user", "create", "bob", planted}, {"user", "create", "svc", planted},
		{"user", "create", "evidenced", planted}, {"user", "disable", "bob"}, {"user", "setexpiry", "svc", "--noexpiry"}, {"group", "addmembers", "Domain Admins", "ada"},
	} {
		command(t, tool, append(args, sam...)...)
	}
	cmd := exec.Command(samba, "-i", "--no-process-group", "-s", filepath.Join(state, "etc", "smb.conf"), "--debug-stdout", "--option=server services=ldap", "--option=log file="+filepath.Join(dir, "log"),
		"--option=pid directory="+dir, "--option=ncalrpc dir="+filepath.Join(dir, "rpc"), "--option=tls certfile="+filepath.Join(dir, "cert.pem"), "--option=tls keyfile="+filepath.Join(dir, "key.pem"), "--option=tls cafile="+ca)
	answers(t, family(t, cmd), "127.0.0.1:389", "127.0.0.1:636")
	c := newConfig()
	c.URL, c.BindDN, c.Password, c.BaseDN, c.CAFile = "ldaps://127.0.0.1", "evidenced@acme.example", planted, "DC=acme,DC=example", ca
	return c
}

func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED: " + why)
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		if os.Geteuid() != 0 {
			skip(t, "a domain is made by root only: "+string(out))
		}
		t.Fatalf("%s %s: %v\n%s", name, args, err, out)
	}
}

// family starts a program that forks; all of it ends with the test.
func family(t *testing.T, cmd *exec.Cmd) <-chan struct{} {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // it was killed, or ended by itself
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended
		<-ended
	})
	return ended
}
