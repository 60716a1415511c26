//go:build unix

package transport

import (
	"io/fs"
	"os/user"
	"strconv"
	"syscall"
)

// owner returns the name of the user to whom a file belongs.
func owner(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(st.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "uid " + id
}
