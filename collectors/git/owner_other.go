//go:build !unix

package git

import "io/fs"

// trusted trusts nobody where files have no owner that could be told.
func trusted([]string) func(fs.FileInfo) bool { return func(fs.FileInfo) bool { return false } }
