//go:build unix

package git

import (
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// trusted returns who may own a repository: this user, root, and the named users.
func trusted(names []string) func(fs.FileInfo) bool {
	ids := map[uint32]bool{0: true, uint32(os.Geteuid()): true}
	for _, name := range names {
		if u, err := user.Lookup(name); err == nil {
			name = u.Uid
		}
		if id, err := strconv.ParseUint(name, 10, 32); err == nil {
			ids[uint32(id)] = true
		}
	}
	return func(info fs.FileInfo) bool {
		st, ok := info.Sys().(*syscall.Stat_t)
		return ok && ids[st.Uid]
	}
}
