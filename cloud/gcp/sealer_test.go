package gcp

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	testKey = "projects/acme/locations/europe/keyRings/evidenced/cryptoKeys/store"
	bearer  = "token-of-the-test"
)

// cloud is a double of Cloud KMS, written from its REST reference: it seals
// with AES-GCM under a key of its own per name, and refuses a wrong checksum.
// Its checksums are computed apart from the code under test.
type cloud struct {
	t      *testing.T
	asked  atomic.Int32
	answer func(n int32, w http.ResponseWriter, body map[string]any) bool // reports that it has answered
	spoil  func(answer map[string]any)
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := c.asked.Add(1)
	name, method, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), ":")
	if r.Method != http.MethodPost || r.Header.Get("Authorization") != "Bearer "+bearer {
		refuse(w, 401, "UNAUTHENTICATED")
		return
	}
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, 400, "INVALID_ARGUMENT")
		return
	}
	if c.answer != nil && c.answer(n, w, body) {
		return
	}
	aad, ok := field(body, "additionalAuthenticatedData")
	in, ok2 := field(body, map[string]string{"encrypt": "plaintext", "decrypt": "ciphertext"}[method])
	if !ok || !ok2 || !strings.HasPrefix(name, "projects/acme/") {
		refuse(w, 400, "INVALID_ARGUMENT")
		return
	}
	c.seal(w, name, method, in, aad)
}

func (c *cloud) seal(w http.ResponseWriter, name, method string, in, aad []byte) {
	secret := sha256.Sum256([]byte(name))
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		c.t.Error(err)
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		c.t.Error(err)
	}
	answer := map[string]any{"protectionLevel": "SOFTWARE"}
	if method == "encrypt" {
		sealed := gcm.Seal(nil, nil, in, aad)
		answer["name"], answer["ciphertext"], answer["ciphertextCrc32c"] = name+"/cryptoKeyVersions/1", sealed, crc(sealed)
		answer["verifiedPlaintextCrc32c"], answer["verifiedAdditionalAuthenticatedDataCrc32c"] = true, true
	} else {
		plain, err := gcm.Open(nil, nil, in, aad)
		if err != nil {
			refuse(w, 400, "INVALID_ARGUMENT")
			return
		}
		answer["plaintext"], answer["plaintextCrc32c"], answer["usedPrimary"] = plain, crc(plain), true
	}
	if c.spoil != nil {
		c.spoil(answer)
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		c.t.Error(err)
	}
}

// field reads bytes from a request, if their checksum is there and right.
func field(body map[string]any, name string) ([]byte, bool) {
	var in struct{ B []byte }
	text, err := json.Marshal(map[string]any{"B": body[name]})
	if err != nil || json.Unmarshal(text, &in) != nil {
		return nil, false
	}
	return in.B, body[name+"Crc32c"] == crc(in.B)
}

func crc(b []byte) string {
	h := crc32.New(crc32.MakeTable(0x82f63b78)) // Castagnoli, reversed: RFC 3720, B.4
	_, _ = h.Write(b)                           // a hash takes everything
	return strconv.FormatUint(uint64(h.Sum32()), 10)
}

func refuse(w http.ResponseWriter, code int, status string) {
	w.WriteHeader(code)
	fmt.Fprintf(w, `{"error":{"code":%d,"status":%q,"message":"so it is"}}`, code, status)
}

// against returns a sealer that asks the double.
func against(t *testing.T, c *cloud) *Sealer {
	t.Helper()
	c.t = t
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	s, err := NewSealer(SealerOptions{Key: testKey, Endpoint: server.URL + "/"})
	if err != nil {
		t.Fatal(err)
	}
	s.token = func(context.Context) (string, error) { return bearer, nil }
	s.pause = time.Microsecond
	return s
}

var dataKey = []byte("0123456789abcdefghijklmnopqrstuv")

func TestSealerRoundTrip(t *testing.T) {
	s := against(t, &cloud{})
	wrapped, err := s.Wrap(t.Context(), dataKey)
	if err != nil || bytes.Contains(wrapped, dataKey) {
		t.Fatalf("%q, %v", wrapped, err)
	}
	if got, err := s.Unwrap(t.Context(), wrapped); err != nil || !bytes.Equal(got, dataKey) {
		t.Fatalf("%q, %v", got, err)
	}
	if s.ID() != testKey {
		t.Error(s.ID())
	}
	wrapped[len(wrapped)-1] ^= 1
	if _, err := s.Unwrap(t.Context(), wrapped); err == nil || !strings.Contains(err.Error(), "this key did not wrap it, or it was changed since") {
		t.Error(err)
	}
	for _, b := range [][]byte{nil, make([]byte, maxWrapped+1)} {
		if _, err := s.Unwrap(t.Context(), b); err == nil || !strings.Contains(err.Error(), "is none of Cloud KMS") {
			t.Error(err)
		}
	}
}

// TestSpoiled: an answer that was changed on its way is found out.
func TestSealerSpoiled(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(map[string]any)
		want  string
	}{
		"ciphertext":          {func(a map[string]any) { flip(a, "ciphertext") }, "its checksum is another"},
		"plaintext":           {func(a map[string]any) { flip(a, "plaintext") }, "its checksum is another"},
		"no checksum":         {func(a map[string]any) { delete(a, "ciphertextCrc32c"); delete(a, "plaintextCrc32c") }, "its checksum is another"},
		"unverified":          {func(a map[string]any) { delete(a, "verifiedPlaintextCrc32c"); delete(a, "plaintext") }, ""},
		"unverified AAD":      {func(a map[string]any) { delete(a, "verifiedAdditionalAuthenticatedDataCrc32c"); delete(a, "plaintext") }, ""},
		"another key":         {func(a map[string]any) { a["name"] = "projects/x"; delete(a, "plaintext") }, ""},
		"nothing":             {func(a map[string]any) { delete(a, "ciphertext"); delete(a, "plaintext") }, "it gave"},
		"a number, no text":   {func(a map[string]any) { a["ciphertextCrc32c"], a["plaintextCrc32c"] = 1, 1 }, "does not speak as Cloud KMS"},
		"a checksum too long": {func(a map[string]any) { a["ciphertextCrc32c"], a["plaintextCrc32c"] = "4294967296", "-1" }, "does not speak as Cloud KMS"},
	} {
		t.Run(name, func(t *testing.T) {
			honest := &cloud{}
			s := against(t, honest)
			wrapped, err := s.Wrap(t.Context(), dataKey)
			if err != nil {
				t.Fatal(err)
			}
			honest.spoil = c.spoil
			got, err := s.Unwrap(t.Context(), wrapped)
			if name != "ciphertext" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("unwrap: %v", err)
			}
			if name == "ciphertext" && (err != nil || !bytes.Equal(got, dataKey)) {
				t.Errorf("an answer without a ciphertext: %v", err)
			}
			if _, err := s.Wrap(t.Context(), dataKey); name != "plaintext" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("wrap: %v", err)
			}
		})
	}
}

func flip(a map[string]any, name string) {
	if b, ok := a[name].([]byte); ok {
		a[name] = append([]byte{b[0] ^ 1}, b[1:]...)
	}
}

// TestRefusals: each answer has its own words, with the key, the permission and
// the remedy; what passes is asked again, what does not is not.
func TestSealerRefusals(t *testing.T) {
	for _, c := range []struct {
		code   int
		status string
		want   string
		asked  int32
	}{
		{401, "UNAUTHENTICATED", "the credential is wrong or has expired", 1},
		{403, "PERMISSION_DENIED", "denied; grant cloudkms.cryptoKeyVersions.useToDecrypt on this key", 1},
		{404, "NOT_FOUND", "there is no such key; see the project, location, key ring and name", 1},
		{400, "FAILED_PRECONDITION", "the key's version is disabled or destroyed; enable it", 1},
		{400, "INVALID_ARGUMENT", "this key did not wrap it", 1},
		{429, "RESOURCE_EXHAUSTED", "Google asks to slow down", attempts},
		{503, "UNAVAILABLE", "the service is in trouble", attempts},
		{302, "", "refused", 1},
	} {
		t.Run(c.status, func(t *testing.T) {
			double := &cloud{answer: func(_ int32, w http.ResponseWriter, _ map[string]any) bool { refuse(w, c.code, c.status); return true }}
			_, err := against(t, double).Unwrap(t.Context(), []byte("wrapped"))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), testKey) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if n := double.asked.Load(); n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
		})
	}
}

// TestAgain: an answer after trouble is an answer.
func TestSealerAgain(t *testing.T) {
	double := &cloud{answer: func(n int32, w http.ResponseWriter, _ map[string]any) bool {
		if n < attempts {
			refuse(w, 503, "UNAVAILABLE")
		}
		return n < attempts
	}}
	if _, err := against(t, double).Wrap(t.Context(), dataKey); err != nil || double.asked.Load() != attempts {
		t.Errorf("asked %d times: %v", double.asked.Load(), err)
	}
}

// TestNeverElsewhere: the data key does not follow a redirection, and no error holds it.
func TestSealerNeverElsewhere(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	double := &cloud{answer: func(_ int32, w http.ResponseWriter, _ map[string]any) bool {
		w.Header().Set("Location", other.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return true
	}}
	_, err := against(t, double).Wrap(t.Context(), dataKey)
	if err == nil || elsewhere.Load() != 0 || strings.Contains(err.Error(), string(dataKey)) || strings.Contains(err.Error(), bearer) {
		t.Errorf("%d requests elsewhere: %v", elsewhere.Load(), err)
	}
}

func TestSealerNoAnswer(t *testing.T) {
	s := against(t, &cloud{})
	server := httptest.NewServer(nil)
	server.Close() // nobody listens there now
	s.endpoint = server.URL
	if _, err := s.Wrap(t.Context(), dataKey); err == nil || !strings.Contains(err.Error(), "not reached; see the network, the proxy and the endpoint") {
		t.Error(err)
	}
	s.token = func(context.Context) (string, error) { return "", errors.New("none here") }
	if _, err := s.Wrap(t.Context(), dataKey); err == nil || !strings.Contains(err.Error(), "`gcloud auth application-default login`") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.token = func(context.Context) (string, error) { return bearer, nil }
	if _, err := s.Wrap(ctx, dataKey); err == nil || !strings.Contains(err.Error(), "stopped") {
		t.Error(err)
	}
	big := &cloud{answer: func(_ int32, w http.ResponseWriter, _ map[string]any) bool {
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("a", maxAnswer+1)))
		return true
	}}
	if _, err := against(t, big).Wrap(t.Context(), dataKey); err == nil || !strings.Contains(err.Error(), "an answer of more than") {
		t.Error(err)
	}
	for _, key := range []string{"", "k", testKey + "/cryptoKeyVersions/1", "projects/../locations/l/keyRings/r/cryptoKeys/k?x"} {
		if _, err := NewSealer(SealerOptions{Key: key}); err == nil {
			t.Errorf("%q is taken for a key", key)
		}
	}
}

// TestServiceAccount: the token is that of Google's library, for a key file of
// a service account, from the token server that the file names.
func TestSealerServiceAccount(t *testing.T) {
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || r.Form.Get("assertion") == "" {
			t.Errorf("asked for a token with %v, %v", r.Form, err)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, bearer)
	}))
	defer tokens.Close()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	account, err := json.Marshal(map[string]string{"type": "service_account", "project_id": "acme", "private_key_id": "1", "client_email": "evidenced@acme.example",
		"token_uri": tokens.URL, "private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, account, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	s := against(t, &cloud{})
	s.token = defaultToken(kmsScope)
	if _, err := s.Wrap(t.Context(), dataKey); err != nil {
		t.Error(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path+"-nowhere")
	s.token = defaultToken(kmsScope)
	if _, err := s.Wrap(t.Context(), dataKey); err == nil || !strings.Contains(err.Error(), "not asked:") {
		t.Error(err)
	}
}

// FuzzAnswer: whatever answers, the sealer says so, and does not fall over.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"plaintext":"AAAA","plaintextCrc32c":"1"}`))
	f.Add([]byte(`{"name":"x","ciphertext":null,"ciphertextCrc32c":1e99}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		s := &Sealer{key: testKey}
		var e encryptResponse
		var d decryptResponse
		for _, out := range []any{&e, &d} {
			if err := s.decode("decrypt", answer, out); err == nil && !json.Valid(answer) {
				t.Errorf("%q is taken for an answer", answer)
			}
		}
		if d.PlaintextCRC32C != nil && (s.intact(d.Plaintext, d.PlaintextCRC32C) == nil) != (crc(d.Plaintext) == strconv.FormatUint(uint64(*d.PlaintextCRC32C), 10)) {
			t.Error("two checksums of the same bytes differ")
		}
		_ = errorIn(answer)
	})
}
