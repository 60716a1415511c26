package ldap

import (
	"fmt"
	"net"

	"github.com/evidenced/evidenced/collectors"
)

// guard stands between the library and the connection. It lets whole messages
// of reading operations leave, and bounds what may come.
type guard struct {
	net.Conn
	left int64 // bytes that may still come
}

// passing are the operations that may leave, by their tag (RFC 4511, 4.2 to 4.11).
var passing = map[byte]string{0x60: "bind", 0x42: "unbind", 0x63: "search", 0x50: "abandon"}

// Write implements net.Conn. The library writes one message at a time.
func (g *guard) Write(b []byte) (int, error) {
	if err := admit(b); err != nil {
		return 0, err
	}
	return g.Conn.Write(b)
}

// admit refuses anything but one whole message of an operation that reads.
func admit(b []byte) error {
	message, rest, ok := element(b, 0x30)
	if !ok || len(rest) > 0 {
		return fmt.Errorf("%w: what is to leave is not one LDAP message", collectors.ErrForbidden)
	}
	_, operation, ok := element(message, 0x02)
	if !ok || len(operation) == 0 || passing[operation[0]] == "" {
		return fmt.Errorf("%w: an LDAP operation that is not bind, search, abandon or unbind", collectors.ErrForbidden)
	}
	return nil
}

// element takes the BER element with a tag apart: its content, and what follows.
func element(b []byte, tag byte) (content, rest []byte, ok bool) {
	if len(b) < 2 || b[0] != tag {
		return nil, nil, false
	}
	n, head := int(b[1]), 2
	if n >= 0x80 {
		size := n & 0x7f
		if size == 0 || size > 4 || len(b) < 2+size {
			return nil, nil, false
		}
		n = 0
		for _, x := range b[2 : 2+size] {
			n = n<<8 | int(x)
		}
		head += size
	}
	if n > len(b)-head {
		return nil, nil, false
	}
	return b[head : head+n], b[head+n:], true
}

// Read implements net.Conn.
func (g *guard) Read(b []byte) (int, error) {
	if g.left <= 0 {
		return 0, collectors.Incomplete("the directory's answers are over %d bytes", maxAnswers)
	}
	n, err := g.Conn.Read(b[:min(int64(len(b)), g.left)])
	g.left -= int64(n)
	return n, err
}
