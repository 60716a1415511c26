package collectors

import (
	"io"
	"time"
)

// Files is implemented by a Config that reads files of this machine.
type Files interface {
	Placed
	// Files gives the path of each file that may be read, by the name under
	// which exchanges record it.
	Files() map[string]string
}

// Placed is implemented by a Config that holds paths of files.
type Placed interface {
	// RelativeTo takes the folder of the configuration, where relative paths begin.
	RelativeTo(folder string)
}

// FileRead is one file to read.
type FileRead struct {
	// Name is the file as the configuration names it.
	Name string
	// Shape says for the record what is kept of it, such as the columns.
	Shape any
	// Keep copies what is kept from r, which it reads to its end, to w. It is not
	// called where a recording answers: that holds only what was kept.
	Keep func(r io.Reader, w io.Writer) error
}

// FileReply is what was kept of a file, and what the system says of the file.
type FileReply struct {
	Text string
	// SHA256 of the whole file, in hexadecimal.
	SHA256 string
	// Size in bytes.
	Size     int64
	Modified time.Time
	// Owner is the name of the user to whom the file belongs, or "uid N"; empty if the system does not say.
	Owner string
}
