package gcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"
)

const (
	secretsEndpoint = "https://secretmanager.googleapis.com"
	// https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
	secretsScope = "https://www.googleapis.com/auth/cloud-platform"
	// secretsTimeout bounds one request.
	secretsTimeout = 10 * time.Second
)

// Secrets reads Google Secret Manager with the application default credential: the service account of
// the instance or of the pod, before anything that is written down.
type Secrets struct {
	endpoint string
	http     *http.Client
	token    func(context.Context) (string, error)
}

// NewSecrets returns a reader of secrets. It asks nothing of the network yet.
func NewSecrets() *Secrets {
	client := &http.Client{Timeout: secretsTimeout, CheckRedirect: func(*http.Request, []*http.Request) error {
		return errors.New("the answer leads elsewhere, and is not followed")
	}}
	return &Secrets{secretsEndpoint, client, defaultToken(secretsScope)}
}

var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^projects/[A-Za-z0-9.:_-]+/secrets/[A-Za-z0-9_-]+(/versions/[A-Za-z0-9_-]+)?$`)
})

// Get returns a secret by its resource name, projects/P/secrets/S, with
// /versions/V behind it for another one than the latest. It needs
// secretmanager.versions.access.
func (m *Secrets) Get(ctx context.Context, ref string) (string, error) {
	match := secretName().FindStringSubmatch(ref)
	if match == nil {
		return "", fmt.Errorf("secret %q of Google: want projects/P/secrets/S", ref)
	}
	path := ref
	if match[1] == "" {
		path += "/versions/latest"
	}
	token, err := m.token(ctx)
	if err != nil {
		return "", fmt.Errorf("secret %s of Google: no credential: a service account or `gcloud auth application-default login` gives one: %w", ref, err)
	}
	value, err := m.access(ctx, path, token)
	if err != nil {
		return "", fmt.Errorf("secret %s of Google: %w", ref, err)
	}
	return value, nil
}

func (m *Secrets) access(ctx context.Context, path, token string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.endpoint+"/v1/"+path+":access", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := m.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("not reached; see the network and the proxy: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(secretMeaning(resp.StatusCode))
	}
	var answer struct {
		Payload struct {
			Data   []byte `json:"data"`
			CRC32C string `json:"dataCrc32c"`
		} `json:"payload"`
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil || json.Unmarshal(b, &answer) != nil { // its error could quote the secret
		return "", errors.New("what answers does not speak as Secret Manager")
	}
	if answer.Payload.CRC32C != strconv.FormatUint(uint64(sum(answer.Payload.Data)), 10) {
		return "", errors.New("it was changed on its way; try again")
	}
	return string(answer.Payload.Data), nil
}

func secretMeaning(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "the credential is wrong or has expired; renew it"
	case http.StatusForbidden:
		return "denied; give the credential in use roles/secretmanager.secretAccessor on it"
	case http.StatusNotFound:
		return "there is none of that name, or no enabled version"
	}
	return fmt.Sprintf("Google answered %d", status)
}
