package verify_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/evidenced/evidenced/verify"
)

// zipTricks are archives that hold what the bundle holds, and something else for
// who reads them otherwise.
func zipTricks(t *testing.T, bundle []byte) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	end := len(bundle) - 22
	dir := int(binary.LittleEndian.Uint32(bundle[end+16:]))
	at := func(i int, change func(b []byte)) []byte {
		b := bytes.Clone(bundle)
		change(b[i:])
		return b
	}
	out["something before it"] = append([]byte("#!/bin/sh\n"), bundle...)
	out["something after it"] = append(bytes.Clone(bundle), "x"...)
	out["a comment"] = at(end+20, func(b []byte) { b[0] = 1 })
	out["a comment that is there"] = append(at(end+20, func(b []byte) { b[0] = 1 }), 'x')
	out["a second end"] = append(bytes.Clone(bundle), bundle[end:]...)
	out["another name in the local header"] = at(30, func(b []byte) { b[0] ^= 0x20 })
	out["another name in the directory"] = at(dir+46, func(b []byte) { b[0] ^= 0x20 })
	out["another method in the local header"] = at(8, func(b []byte) { b[0] = 0 })
	out["encrypted, by its flags"] = at(6, func(b []byte) { b[0] = 1 })
	out["a data descriptor, by its flags"] = at(6, func(b []byte) { b[0] = 8 })
	out["a name in UTF-8, by its flags"] = at(dir+8+1, func(b []byte) { b[0] = 8 })
	out["another date"] = at(dir+14, func(b []byte) { b[0]++ })
	out["attributes of a link"] = at(dir+38, func(b []byte) { binary.LittleEndian.PutUint32(b, 0o120777<<16) })
	out["made by another system"] = at(dir+4, func(b []byte) { b[1] = 3 })
	out["of another disk"] = at(dir+34, func(b []byte) { b[0] = 1 })
	out["a smaller size in the local header"] = at(22, func(b []byte) { b[0]-- })
	out["a smaller size in the directory"] = at(dir+24, func(b []byte) { b[0]-- })
	out["another CRC in the directory"] = at(dir+16, func(b []byte) { b[0] ^= 1 })
	out["fewer members, by its end"] = at(end+8, func(b []byte) { b[0]--; b[2]-- })
	out["one member over the other"] = at(dir+42, func(b []byte) { binary.LittleEndian.PutUint32(b, 1) })
	out["a directory that overlaps the members"] = at(end+16, func(b []byte) { binary.LittleEndian.PutUint32(b, uint32(dir-1)) })
	extra := at(dir+30, func(b []byte) { b[0] = 4 })
	n := int(binary.LittleEndian.Uint16(bundle[dir+28:]))
	out["an extra field"] = bytes.Join([][]byte{extra[:dir+46+n], {0xff, 0xff, 0, 0}, extra[dir+46+n:]}, nil)
	out["a member twice"] = twice(t, bundle, "index.html")
	out["cut in its middle"] = bundle[:len(bundle)/2]
	out["empty"] = nil
	return out
}

// twice adds a member of a name that is there.
func twice(t *testing.T, bundle []byte, name string) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	must(t, err)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	for _, f := range r.File {
		must(t, w.Copy(f))
		if f.Name == name {
			must(t, w.Copy(f))
		}
	}
	must(t, w.Close())
	return buf.Bytes()
}

func TestZipTricks(t *testing.T) {
	s, key := filled(t, 4, 5)
	for name, bad := range zipTricks(t, write(t, s, key, 4)) {
		t.Run(name, func(t *testing.T) {
			if res := checkWith(t, bad, verify.Options{}); res.OK || len(res.Failures) == 0 {
				t.Errorf("taken for sound: %+v", res)
			}
		})
	}
}
