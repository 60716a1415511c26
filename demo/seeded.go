package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
)

// newSeeded gives the demo's key material: the same seed gives the same key,
// and so the same bundle. It protects nothing but a simulated company.
func newSeeded(seed int64) io.Reader {
	var s [32]byte
	binary.LittleEndian.PutUint64(s[:], uint64(seed))
	return rand.NewChaCha8(s)
}

// simulatedCredentials makes the AWS SDK use credentials that only the
// simulator takes, whatever the person's own environment holds; the function
// it returns puts that back.
func simulatedCredentials() (restore func()) {
	set := map[string]string{"AWS_ACCESS_KEY_ID": "AKIASIMULATED", "AWS_SECRET_ACCESS_KEY": "simulated", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
	old := map[string]*string{}
	for k, v := range set {
		if was, ok := os.LookupEnv(k); ok {
			old[k] = &was
		} else {
			old[k] = nil
		}
		_ = os.Setenv(k, v) // the names are valid, so this cannot fail
	}
	return func() {
		for k, was := range old {
			if was == nil {
				_ = os.Unsetenv(k)
			} else {
				_ = os.Setenv(k, *was)
			}
		}
	}
}

// portless leads every connection to addr, and keeps the ports, which differ
// each time, out of errors, because these are evidence.
func portless(addr net.Addr) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr.String())
		return portlessConn{c}, err
	}
}

type portlessConn struct{ net.Conn }

func (c portlessConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if op := new(net.OpError); errors.As(err, &op) {
		err = op.Err
	}
	return n, err
}
