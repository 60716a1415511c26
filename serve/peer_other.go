//go:build !linux

package serve

import (
	"errors"
	"net"
	"os"
)

// peer gives the owner of the socket's path: only who made it could listen there.
func peer(_ *net.UnixConn, path string) (uid uint32, err error) {
	fi, err := os.Lstat(path)
	if err != nil {
		return 0, err
	}
	uid, ok := ownerOf(fi)
	if !ok {
		return 0, errors.New("the system does not say to whom the socket " + path + " belongs")
	}
	return uid, nil
}
