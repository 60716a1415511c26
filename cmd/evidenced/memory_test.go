package main

import (
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestMemoryLimit(t *testing.T) {
	const mib = 1 << 20
	for name, tt := range map[string]struct {
		files map[string]string
		want  int64 // 0 for none
	}{
		"no groups":          {nil, 0},
		"version 2":          {map[string]string{"proc/self/cgroup": "0::/system.slice/e.service\n", "sys/fs/cgroup/system.slice/e.service/memory.max": "104857600\n"}, 100 * mib},
		"of a group around":  {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "104857600\n", "sys/fs/cgroup/a/b/memory.max": "max\n"}, 100 * mib},
		"the lower one":      {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "104857600\n", "sys/fs/cgroup/a/b/memory.max": "209715200\n"}, 100 * mib},
		"container":          {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "104857600\n"}, 100 * mib},
		"path of the host":   {map[string]string{"proc/self/cgroup": "0::/../../docker/1\n", "sys/fs/cgroup/memory.max": "104857600\n"}, 100 * mib},
		"no limit":           {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"version 1":          {map[string]string{"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/1\n", "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes": "104857600\n"}, 100 * mib},
		"version 1, no path": {map[string]string{"proc/self/cgroup": "4:memory:/docker/1\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "104857600\n"}, 100 * mib},
		"version 1, none":    {map[string]string{"proc/self/cgroup": "4:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"both":               {map[string]string{"proc/self/cgroup": "4:memory:/a\n0::/a\n", "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "104857600\n", "sys/fs/cgroup/a/cgroup.procs": "1"}, 100 * mib},
		"nonsense":           {map[string]string{"proc/self/cgroup": "::\nx\n0::\n", "sys/fs/cgroup/memory.max": "-1\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for file, text := range tt.files {
				root[file] = &fstest.MapFile{Data: []byte(text)}
			}
			got, ok := memoryLimit(root)
			if ok != (tt.want > 0) || ok && got != tt.want {
				t.Errorf("%d %v, want %d", got, ok, tt.want)
			}
			was := debug.SetMemoryLimit(-1)
			defer debug.SetMemoryLimit(was)
			debug.SetMemoryLimit(math.MaxInt64)
			if limitMemory(root, func(string) string { return "1GiB" }); debug.SetMemoryLimit(-1) != math.MaxInt64 {
				t.Error("GOMEMLIMIT does not go before")
			}
			want := int64(math.MaxInt64)
			if tt.want > 0 {
				want = tt.want / 10 * 9
			}
			if limitMemory(root, func(string) string { return "" }); debug.SetMemoryLimit(-1) != want {
				t.Errorf("the limit is %d, want %d", debug.SetMemoryLimit(-1), want)
			}
		})
	}
}
