package custody

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/cloud/aws"
	"github.com/evidenced/evidenced/cloud/gcp"
	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/store"
)

// Sealer returns what wraps the data key of the store, nil for a plain store. It
// asks nothing of the network yet.
func Sealer(e *config.Encryption) (store.Sealer, error) {
	switch {
	case e == nil:
		return nil, nil
	case e.AWSKMS != "":
		return aws.NewSealer(context.Background(), aws.SealerOptions{Key: e.AWSKMS, Endpoint: e.AWSEndpoint})
	case e.GCPKMS != "":
		return gcp.NewSealer(gcp.SealerOptions{Key: e.GCPKMS, Endpoint: e.GCPEndpoint})
	}
	return store.NewSealer([]byte(e.Key.Reveal()))
}

// OldKey names the key that wrapped the data key before the configured one: at
// most one of File, Env, AWSKMS and GCPKMS.
type OldKey struct{ File, Env, AWSKMS, AWSEndpoint, GCPKMS, GCPEndpoint string }

// maxKeyFile bounds the file of a key, in bytes.
const maxKeyFile = 64 << 10

// sealer returns the old key; named is false if the command line names none.
func (o *OldKey) sealer() (seal store.Sealer, named bool, err error) {
	e := config.Encryption{AWSKMS: o.AWSKMS, AWSEndpoint: o.AWSEndpoint, GCPKMS: o.GCPKMS, GCPEndpoint: o.GCPEndpoint}
	n := 0
	for _, v := range []string{o.File, o.Env, o.AWSKMS, o.GCPKMS} {
		if v != "" {
			n++
		}
	}
	switch {
	case n > 1:
		return nil, false, api.Errorf(api.Usage, "more than one old key: give one of --from-key-file, --from-key-env, --from-aws-kms and --from-gcp-kms")
	case o.AWSEndpoint != "" && o.AWSKMS == "", o.GCPEndpoint != "" && o.GCPKMS == "":
		return nil, false, api.Errorf(api.Usage, "--from-aws-endpoint and --from-gcp-endpoint say where the key is that --from-aws-kms and --from-gcp-kms name")
	case n == 0:
		return nil, false, nil
	}
	if o.File != "" || o.Env != "" {
		text, err := o.text()
		if err == nil {
			e.Key, err = config.DecodeKey(text)
		}
		if err != nil {
			return nil, false, api.Errorf(api.Usage, "the old encryption key: %w", err)
		}
	}
	if seal, err = Sealer(&e); err != nil {
		return nil, false, api.AsUsage(err)
	}
	return seal, true, nil
}

func (o *OldKey) text() (string, error) {
	if o.Env != "" {
		text := os.Getenv(o.Env)
		if text == "" {
			return "", fmt.Errorf("the environment variable %s is not set", o.Env)
		}
		return text, nil
	}
	if fi, err := os.Stat(o.File); err == nil && fi.Size() > maxKeyFile {
		return "", fmt.Errorf("%s is larger than %d bytes: not a key", o.File, maxKeyFile)
	}
	b, err := os.ReadFile(o.File)
	return strings.TrimSpace(string(b)), err
}
