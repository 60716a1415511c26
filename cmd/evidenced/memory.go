package main

import (
	"io/fs"
	"math"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory keeps the program below what its control group allows, where it is
// in one that has a limit: the kernel would kill it beyond. What GOMEMLIMIT says
// goes before. A tenth is left for what the runtime does not count.
func limitMemory(root fs.FS, getenv func(string) string) {
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit, ok := memoryLimit(root); ok {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// memoryLimit gives the lowest limit of the control groups that the process is
// in, of either version. A container may not see the path of its own; then it
// sees its own as the root.
func memoryLimit(root fs.FS) (limit int64, ok bool) {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	limit = math.MaxInt64
	for line := range strings.Lines(string(own)) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		switch {
		case controllers == "":
			limit = min(limit, lowest(root, "sys/fs/cgroup", group, "memory.max"))
		case strings.Contains(","+controllers+",", ",memory,"):
			limit = min(limit, lowest(root, "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"))
		}
	}
	return limit, limit < unlimited
}

// unlimited is what version 1 says where there is no limit, or a page less.
const unlimited = math.MaxInt64 - 1<<20

// lowest reads a limit of a group and of those that it is in.
func lowest(root fs.FS, mount, group, file string) int64 {
	limit := int64(math.MaxInt64)
	for at := path.Join("/", group); ; at = path.Dir(at) {
		b, err := fs.ReadFile(root, path.Join(mount, at, file))
		if n, perr := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && perr == nil && n > 0 { // "max" is no number
			limit = min(limit, n)
		}
		if at == "/" {
			return limit
		}
	}
}
