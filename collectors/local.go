package collectors

import (
	"context"
	"io"
	"time"
)

// Files is implemented by a Config that reads files of this machine.
type Files interface {
	Placed
	// Files returns the path of each file that may be read, by the name under
	// which exchanges record it.
	Files() map[string]string
}

// Placed is implemented by a Config that holds paths of files.
type Placed interface {
	// RelativeTo sets the folder of the configuration, where relative paths begin.
	RelativeTo(folder string)
}

// FileRead is one file to read.
type FileRead struct {
	// Name is the file as the configuration names it.
	Name string
	// Shape is what is kept of it, such as the columns; it is recorded with the exchange.
	Shape any
	// Keep copies what is kept from r, which it reads to its end, to w. It is not
	// called where a recording answers: that holds only what was kept.
	Keep func(r io.Reader, w io.Writer) error
}

// FileReply is what was kept of a file, and what the system states about the file.
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

// Reply is the answer of a program.
type Reply struct {
	Exit int
	Out  string
	// Err is what it wrote to its standard error, if Exit is not 0.
	Err string
}

// Consultation is one question to such a server.
type Consultation struct {
	// Call is the declared call.
	Call string
	// URL is the server's, "ldaps://host:636".
	URL string
	// Request is what is asked, in one form; equal questions have equal texts.
	Request string
	// Ask asks, and returns what is kept of the answer, in one form. It is not
	// called where a recording answers.
	Ask func(ctx context.Context) (string, error)
}

// Connected is implemented by a Config whose source asks servers that do not
// speak HTTP: it returns the schemes of their addresses that may leave this machine.
type Connected interface{ Schemes() []string }

// Preparing is implemented by a Config whose programs read what those own who are
// audited.
type Preparing interface {
	// Prepare looks at what a program is to read before it is run, and returns its
	// arguments as they are to be. It is not called when evidence is played back. Its
	// errors are classified, and quote nothing that it has read.
	Prepare(args []string) ([]string, error)
}
