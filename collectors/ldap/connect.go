package ldap

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/evidenced/evidenced/collectors"
)

const (
	// maxAnswers bounds what comes over one connection, in bytes.
	maxAnswers = 4 << 30
	// maxMessage bounds one message, in bytes: an entry.
	maxMessage = 64 << 20
	// silence is how long a connection may be made, and an answer waited for.
	silence = 30 * time.Second
)

// boundMessages sets the library's bound of a message, which belongs to the process.
var boundMessages = sync.OnceFunc(func() { ber.MaxPacketLengthBytes = maxMessage })

// connect makes a connection on which nothing was said yet, behind TLS unless
// it is a plain one of this machine.
func (c *collector) connect(ctx context.Context) (*ldap.Conn, error) {
	boundMessages()
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.cfg.host())
	if err != nil {
		return nil, dialError(err)
	}
	conn := raw
	if !c.cfg.Plain {
		if conn, err = c.secure(ctx, raw); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
	}
	l := ldap.NewConn(&guard{Conn: conn, left: maxAnswers}, !c.cfg.Plain)
	l.SetTimeout(silence)
	l.Start()
	return l, nil
}

func dialError(err error) error {
	var lookup *net.DNSError
	if errors.As(err, &lookup) && lookup.IsNotFound {
		return fmt.Errorf("%w: %w", collectors.ErrUnreachable, collectors.ErrNoHost)
	}
	return fmt.Errorf("%w: %w", collectors.ErrUnreachable, err)
}

// secure puts TLS over a connection, after StartTLS where it begins without.
func (c *collector) secure(ctx context.Context, raw net.Conn) (net.Conn, error) {
	stop := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if c.cfg.StartTLS {
		if err := startTLS(raw); err != nil {
			return nil, err
		}
	}
	conn := tls.Client(raw, c.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, tlsError(err)
	}
	return conn, nil
}

func tlsError(err error) error {
	var unverified *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unverified) || errors.As(err, &unknown) {
		return fmt.Errorf("%w: the certificate of the directory does not hold; see ca_file: %w", collectors.ErrUnreachable, err)
	}
	return fmt.Errorf("%w: TLS: %w", collectors.ErrUnreachable, err)
}

// startTLSRequest is message 1, an extended request of the name 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14.1).
var startTLSRequest = append([]byte{0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16}, "1.3.6.1.4.1.1466.20037"...)

// startTLS asks for TLS, and reads the answer byte by byte: what follows it
// belongs to TLS, and to nobody else.
func startTLS(conn net.Conn) error {
	if _, err := conn.Write(startTLSRequest); err != nil {
		return fmt.Errorf("%w: StartTLS: %w", collectors.ErrUnreachable, err)
	}
	answer, err := readMessage(conn)
	if err != nil {
		return fmt.Errorf("%w: StartTLS: %w", collectors.ErrUnreachable, err)
	}
	packet, err := ber.DecodePacketErr(answer)
	if err != nil || len(packet.Children) < 2 || packet.Children[1].Tag != ldap.ApplicationExtendedResponse || len(packet.Children[1].Children) == 0 {
		return fmt.Errorf("%w: StartTLS: the answer is none", collectors.ErrUnreachable)
	}
	if code, ok := packet.Children[1].Children[0].Value.(int64); !ok || code != 0 {
		return fmt.Errorf("%w: the directory refuses StartTLS (result %v)", collectors.ErrUnreachable, packet.Children[1].Children[0].Value)
	}
	return nil
}

// readMessage reads one short message and not a byte more.
func readMessage(r io.Reader) ([]byte, error) {
	const most = 4096
	b := make([]byte, 2, 256)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, err
	}
	if size := int(b[1] & 0x7f); b[1] >= 0x80 {
		if size == 0 || size > 2 {
			return nil, errors.New("a message without a usable length")
		}
		more := make([]byte, size)
		if _, err := io.ReadFull(r, more); err != nil {
			return nil, err
		}
		b = append(b, more...)
	}
	n := 0
	for i, x := range b[1:] {
		if i == 0 && x >= 0x80 {
			continue
		}
		n = n<<8 | int(x)
	}
	if n > most {
		return nil, fmt.Errorf("a message of %d bytes", n)
	}
	rest := make([]byte, n)
	if _, err := io.ReadFull(r, rest); err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{b, rest}, nil), nil
}

// classOf returns the class of a result code (RFC 4511, 4.1.9) or of a connection that broke.
func classOf(err error) error {
	var e *ldap.Error
	if !errors.As(err, &e) {
		return collectors.ErrUnreachable
	}
	switch e.ResultCode {
	case ldap.LDAPResultInvalidCredentials, ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultAuthMethodNotSupported:
		return collectors.ErrUnauthenticated
	case ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultConfidentialityRequired, ldap.LDAPResultUnwillingToPerform:
		return collectors.ErrDenied
	case ldap.LDAPResultBusy:
		return collectors.ErrThrottled
	case ldap.LDAPResultUnavailable, ldap.ErrorNetwork:
		return collectors.ErrUnreachable
	}
	return collectors.ErrIncomplete
}

// resultError tells what a result means to whoever can mend it.
func resultError(err error) error {
	if collectors.Classified(err) {
		return err
	}
	var e *ldap.Error
	errors.As(err, &e)
	switch {
	case e != nil && e.ResultCode == ldap.LDAPResultSizeLimitExceeded:
		return collectors.Incomplete("the directory gives no more entries than its size limit allows: raise it for this account")
	case e != nil && e.ResultCode == ldap.LDAPResultInvalidCredentials:
		return fmt.Errorf("%w: the directory does not take bind_dn and password", collectors.ErrUnauthenticated)
	case e != nil && e.ResultCode == ldap.LDAPResultNoSuchObject:
		return collectors.Incomplete("the directory has no such entry, or hides it from this account: %v", e.Err)
	}
	return fmt.Errorf("%w: %w", classOf(err), err)
}
