package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// ErrStranger: who listens at the socket is nobody whose answers can be relied on.
var ErrStranger = errors.New("it is not asked")

// ask connects to the daemon at socket, and makes sure that it is one whom the
// caller has reason to believe: whoever may write where the socket is to be could
// answer in its place, and take the caller's arguments.
func ask(ctx context.Context, socket, store string) (net.Conn, error) {
	c, err := dial(ctx, socket)
	if err != nil {
		return nil, err
	}
	uid, err := peer(c.(*net.UnixConn), socket)
	if err == nil {
		err = believe(uid, uint32(os.Geteuid()), socket, store)
	}
	if err != nil {
		_ = c.Close() // nothing was said yet
		return nil, err
	}
	return c, nil
}

// believe admits the user who asks, root, and the owner of the store.
func believe(uid, self uint32, socket, store string) error {
	trusted := []uint32{self, 0}
	if fi, err := os.Stat(store); err == nil {
		if id, ok := ownerOf(fi); ok {
			trusted = append(trusted, id)
		}
	}
	if slices.Contains(trusted, uid) {
		return nil
	}
	return fmt.Errorf("%w: who answers at %s is %s, and neither you nor root nor the owner of %s: stop that, or name another socket as serve.socket", ErrStranger, socket, nameOf(uid), store)
}

func ownerOf(fi fs.FileInfo) (uint32, bool) {
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return st.Uid, true
}

func nameOf(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}
