package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/smtp"
	"strings"
	"time"
)

// Mail sends by SMTP, over TLS: by STARTTLS, or from the first byte on port 465.
// Only to a server on this machine is anything sent in the clear.
type Mail struct {
	// Host is "name:port".
	Host string
	From string
	To   []string
	// Username and Password are empty where the server asks for none.
	Username, Password string
	// TLS is nil but in tests.
	TLS *tls.Config
}

var errNoTLS = errors.New("the server offers no STARTTLS: nothing is sent in the clear")

// Send implements Sender.
func (s *Mail) Send(ctx context.Context, m Message) error {
	name, port, err := net.SplitHostPort(s.Host)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end) // a connection that takes none ends with ctx all the same
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	conf := s.TLS
	if conf == nil {
		conf = &tls.Config{ServerName: name, MinVersion: tls.VersionTLS12}
	}
	if port == "465" {
		conn = tls.Client(conn, conf)
	}
	c, err := smtp.NewClient(conn, name)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Host, err)
	}
	if err := s.deliver(c, conf, name, port == "465", m); err != nil {
		return fmt.Errorf("%s: %w", s.Host, err)
	}
	return nil
}

func (s *Mail) deliver(c *smtp.Client, conf *tls.Config, name string, secure bool, m Message) error {
	if ok, _ := c.Extension("STARTTLS"); ok && !secure {
		if err := c.StartTLS(conf); err != nil {
			return err
		}
	} else if ip := net.ParseIP(name); !secure && name != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errNoTLS
	}
	if s.Username != "" {
		if err := c.Auth(smtp.PlainAuth("", s.Username, s.Password, name)); err != nil {
			return err
		}
	}
	if err := c.Mail(s.From); err != nil {
		return err
	}
	var refused []error
	for i, to := range s.To {
		if err := c.Rcpt(to); err != nil {
			refused = append(refused, fmt.Errorf("recipient %d of %d: %w", i+1, len(s.To), s.nameless(err)))
		}
	}
	if len(refused) == len(s.To) {
		return errors.Join(refused...)
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(s.letter(m)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	_ = c.Quit() // it has taken the letter
	if len(refused) > 0 {
		return partly{errors.Join(refused...)}
	}
	return nil
}

// nameless takes addresses out of what a server said: it goes into the log.
func (s *Mail) nameless(err error) error {
	text := err.Error()
	for i, to := range s.To {
		text = strings.ReplaceAll(text, to, fmt.Sprintf("recipient %d", i+1))
	}
	return errors.New(text)
}

// letter gives the text of the mail. The same message has the same Message-ID.
func (s *Mail) letter(m Message) []byte {
	var b bytes.Buffer
	_, domain, _ := strings.Cut(s.From, "@")
	for _, h := range [][2]string{{"From", s.From}, {"To", strings.Join(s.To, ", ")}, {"Subject", mime.QEncoding.Encode("utf-8", m.Subject())},
		{"Date", m.At.Format(time.RFC1123Z)}, {"Message-ID", "<" + m.ID + "@" + domain + ">"}, {"Auto-Submitted", "auto-generated"}, {"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"}} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], strings.NewReplacer("\r", " ", "\n", " ").Replace(h[1]))
	}
	b.WriteString("\r\n")
	q := quotedprintable.NewWriter(&b)
	_, _ = q.Write([]byte(strings.ReplaceAll(m.Text(), "\n", "\r\n"))) // to memory
	_ = q.Close()
	return b.Bytes()
}
