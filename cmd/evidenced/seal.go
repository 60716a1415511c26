package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/cloud/aws"
	"github.com/evidenced/evidenced/cloud/gcp"
	"github.com/evidenced/evidenced/store"
)

// sealer gives what wraps the data key of the store, nil for a plain store. It
// asks nothing of the network yet.
func sealer(e *config.Encryption) (store.Sealer, error) {
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

// sealedBy names what seals the store, for a person.
func sealedBy(seal store.Sealer) string {
	if seal == nil {
		return "nothing: the store is not encrypted"
	}
	return seal.ID()
}

// oldKey takes from the command line the key that wrapped the data key before
// the configured one.
type oldKey struct{ file, env, awsKMS, awsEndpoint, gcpKMS, gcpEndpoint string }

func (o *oldKey) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.file, "from-key-file", "", "the store's old encryption key is in this `file`")
	f.StringVar(&o.env, "from-key-env", "", "the store's old encryption key is in the environment variable `name`")
	f.StringVar(&o.awsKMS, "from-aws-kms", "", "the store's old encryption key is this key of AWS KMS, an `ARN`")
	f.StringVar(&o.awsEndpoint, "from-aws-endpoint", "", "`address` to ask for it, if not AWS's own")
	f.StringVar(&o.gcpKMS, "from-gcp-kms", "", "the store's old encryption key is this key of Google Cloud KMS, a resource `name`")
	f.StringVar(&o.gcpEndpoint, "from-gcp-endpoint", "", "`address` to ask for it, if not Google's own")
}

// sealer gives the old key; named is false if the command line names none.
func (o *oldKey) sealer() (seal store.Sealer, named bool, err error) {
	e := config.Encryption{AWSKMS: o.awsKMS, AWSEndpoint: o.awsEndpoint, GCPKMS: o.gcpKMS, GCPEndpoint: o.gcpEndpoint}
	n := 0
	for _, v := range []string{o.file, o.env, o.awsKMS, o.gcpKMS} {
		if v != "" {
			n++
		}
	}
	switch {
	case n > 1:
		return nil, false, usageError{errors.New("more than one old key: give one of --from-key-file, --from-key-env, --from-aws-kms and --from-gcp-kms")}
	case o.awsEndpoint != "" && o.awsKMS == "", o.gcpEndpoint != "" && o.gcpKMS == "":
		return nil, false, usageError{errors.New("--from-aws-endpoint and --from-gcp-endpoint say where the key is that --from-aws-kms and --from-gcp-kms name")}
	case n == 0:
		return nil, false, nil
	}
	if o.file != "" || o.env != "" {
		text, err := o.text()
		if err == nil {
			e.Key, err = config.DecodeKey(text)
		}
		if err != nil {
			return nil, false, usageError{fmt.Errorf("the old encryption key: %w", err)}
		}
	}
	if seal, err = sealer(&e); err != nil {
		return nil, false, usageError{err}
	}
	return seal, true, nil
}

// maxKeyFile bounds the file of a key, in bytes.
const maxKeyFile = 64 << 10

func (o *oldKey) text() (string, error) {
	if o.env != "" {
		text := os.Getenv(o.env)
		if text == "" {
			return "", fmt.Errorf("the environment variable %s is not set", o.env)
		}
		return text, nil
	}
	if fi, err := os.Stat(o.file); err == nil && fi.Size() > maxKeyFile {
		return "", fmt.Errorf("%s is larger than %d bytes: not a key", o.file, maxKeyFile)
	}
	b, err := os.ReadFile(o.file)
	return strings.TrimSpace(string(b)), err
}
