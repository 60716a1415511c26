package serve

import (
	"fmt"
	"net"
	"syscall"
)

// peer gives the user who listens at the other end, by the word of the kernel.
func peer(c *net.UnixConn, _ string) (uid uint32, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *syscall.Ucred
	var refused error
	err = raw.Control(func(fd uintptr) {
		cred, refused = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return 0, fmt.Errorf("find out who answers: %w", err)
	}
	return cred.Uid, nil
}
