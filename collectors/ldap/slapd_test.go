package ldap

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The directory of the tests is slapd, OpenLDAP's own server.

const (
	base     = "ou=company,dc=acme,dc=example"
	reader   = "cn=reader,dc=acme,dc=example"
	limited  = "cn=limited,dc=acme,dc=example"
	planted  = "pl4nted-Passw0rd"
	people   = 3000
	hashed   = "{SSHA}pl4nted-h4sh"
	firstDay = "20260101080000Z"
)

// server is a running slapd.
type server struct {
	plain, tls string // addresses
	ca, wrong  string // files in PEM: who signed its certificate, and who did not
}

// need returns the path of a program of Debian's package; without it the test is
// skipped loudly, and fails where everything must run.
func need(t testing.TB, program, pkg string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/lib/openldap"} {
		if path := filepath.Join(dir, program); exists(path) {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not here: apt-get install %s", program, pkg)
	}
	t.Skipf("SKIPPED: %s is not here, so the LDAP collector is not tested against it: apt-get install %s", program, pkg)
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// freeAddress returns an address of this machine on which nobody listens.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it was only asked for a free port
	return l.Addr().String()
}

// start starts slapd on a directory of its own.
func start(t testing.TB, seed string) server {
	t.Helper()
	slapd, slapadd := need(t, "slapd", "slapd"), need(t, "slapadd", "slapd")
	dir := t.TempDir()
	s := server{plain: freeAddress(t), tls: freeAddress(t)}
	s.ca, s.wrong = certificates(t, dir)
	conf := write(t, filepath.Join(dir, "slapd.conf"), slapdConf(dir))
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(slapadd, "-f", conf, "-q", "-l", write(t, filepath.Join(dir, "seed.ldif"), seed)).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	ended := run(t, exec.Command(slapd, "-f", conf, "-h", "ldap://"+s.plain+"/ ldaps://"+s.tls+"/", "-d", "256"), "slapd starting")
	answers(t, ended, s.plain, s.tls)
	return s
}

// answers waits until the addresses accept connections: slapd prints that it starts
// just before. How long that takes depends on the machine: the deadline is that of the tests.
func answers(t testing.TB, ended <-chan struct{}, addresses ...string) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for _, a := range addresses {
		for {
			conn, err := net.Dial("tcp", a)
			if err == nil {
				_ = conn.Close() // it was only to see
				break
			}
			select {
			case <-again.C:
			case <-ended:
				t.Fatalf("the server ended before it listened: %v", err)
			}
		}
	}
}

// run starts a server and waits until it prints that it is ready. The channel is
// closed when the server ends.
func run(t testing.TB, cmd *exec.Cmd, ready string) <-chan struct{} {
	t.Helper()
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = cmd.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // it was killed
	})
	lines := bufio.NewScanner(said)
	var heard []string
	for lines.Scan() {
		heard = append(heard, lines.Text())
		if strings.Contains(lines.Text(), ready) {
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for lines.Scan() {
				}
			}()
			return ended
		}
	}
	t.Fatalf("%s did not start:\n%s", cmd.Path, strings.Join(heard, "\n"))
	return nil
}

func slapdConf(dir string) string {
	return fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
moduleload memberof
pidfile %[1]s/slapd.pid
TLSCACertificateFile %[1]s/ca.pem
TLSCertificateFile %[1]s/cert.pem
TLSCertificateKeyFile %[1]s/key.pem
database mdb
suffix dc=acme,dc=example
directory %[1]s/db
maxsize 268435456
rootdn cn=root,dc=acme,dc=example
overlay ppolicy
ppolicy_default cn=default,ou=policies,%[2]s
overlay memberof
limits dn.exact="%[3]s" size.prtotal=1000
limits dn.exact="%[4]s" size.prtotal=unlimited
access to attrs=userPassword by anonymous auth by * read
access to * by dn.exact="%[4]s" read by dn.exact="%[3]s" read by * auth
`, dir, base, limited, reader)
}

// seed is the company: people, a few of whom are peculiar, groups, policies,
// and another tree with a referral.
func seed() string {
	var b strings.Builder
	add := func(dn string, lines ...string) { fmt.Fprintf(&b, "dn: %s\n%s\n\n", dn, strings.Join(lines, "\n")) }
	add("dc=acme,dc=example", "objectClass: dcObject", "objectClass: organization", "o: Acme")
	for _, dn := range []string{reader, limited} {
		add(dn, "objectClass: organizationalRole", "objectClass: simpleSecurityObject", "userPassword: "+planted)
	}
	add(base, "objectClass: organizationalUnit", "ou: company")
	add("ou=policies,"+base, "objectClass: organizationalUnit")
	add("cn=default,ou=policies,"+base, "objectClass: device", "objectClass: pwdPolicy", "pwdAttribute: userPassword", "pwdMinLength: 14", "pwdMaxAge: 7776000",
		"pwdInHistory: 12", "pwdLockout: TRUE", "pwdMaxFailure: 5", "pwdLockoutDuration: 900", "pwdCheckQuality: 2", "entryUUID: 00000000-0000-4000-8000-00000000aaaa")
	for i := range people {
		add(userDN(i), append([]string{"objectClass: inetOrgPerson", fmt.Sprintf("cn: Person %d", i), "sn: P", "userPassword: " + hashed, "createTimestamp: " + firstDay,
			fmt.Sprintf("mail: Person%d@Acme.example", i), fmt.Sprintf("entryUUID: 00000000-0000-4000-8000-%012d", i)}, peculiar[i]...)...)
	}
	members := []string{"objectClass: groupOfNames", "description: everyone", "entryUUID: 00000000-0000-4000-8000-00000000bbbb", "createTimestamp: " + firstDay}
	for i := range people {
		members = append(members, "member: "+userDN(i))
	}
	add("cn=everyone,"+base, members...)
	add("cn=wheel,"+base, "objectClass: posixGroup", "gidNumber: 10", "memberUid: person1", "entryUUID: 00000000-0000-4000-8000-00000000cccc", "createTimestamp: "+firstDay)
	add("ou=elsewhere,dc=acme,dc=example", "objectClass: organizationalUnit")
	add("uid=near,ou=elsewhere,dc=acme,dc=example", "objectClass: inetOrgPerson", "cn: Near", "sn: N")
	add("ou=partners,ou=elsewhere,dc=acme,dc=example", "objectClass: referral", "objectClass: extensibleObject", "ref: ldap://127.0.0.1:1/ou=partners,dc=acme,dc=example")
	return b.String()
}

func userDN(i int) string { return fmt.Sprintf("uid=person%d,%s", i, base) }

// peculiar are those of whom more is said.
var peculiar = map[int][]string{
	1: {"pwdChangedTime: 20260601000000Z", "pwdLastSuccess: 20260630070809.123456Z", "employeeNumber: 17", "employeeType: contractor", "title: Engineer",
		"departmentNumber: R&D", "manager: " + userDN(0), "mail: p1@acme.example", "displayName:: QWRhIEzDtnZlbGFjZQ==", "memberOf: cn=everyone," + base},
	2: {"pwdAccountLockedTime: 000001010000Z"},
	3: {"pwdAccountLockedTime: 20260615120000Z"},
}

// certificates writes a certificate for this machine, who signed it, and who did not.
func certificates(t testing.TB, dir string) (ca, wrong string) {
	t.Helper()
	caKey, caCert := authority(t)
	_, other := authority(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, caCert, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	write(t, filepath.Join(dir, "cert.pem"), block("CERTIFICATE", der))
	write(t, filepath.Join(dir, "key.pem"), block("PRIVATE KEY", private))
	return write(t, filepath.Join(dir, "ca.pem"), block("CERTIFICATE", caCert.Raw)), write(t, filepath.Join(dir, "wrong.pem"), block("CERTIFICATE", other.Raw))
}

func authority(t testing.TB) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Acme CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}
