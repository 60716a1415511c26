package collectors

import "context"

// Consultation is one question to such a server.
type Consultation struct {
	// Call is the declared call.
	Call string
	// URL is the server's, "ldaps://host:636".
	URL string
	// Request says what is asked, in one form; it tells one question from another.
	Request string
	// Ask asks, and gives what is kept of the answer, in one form. It is not
	// called where a recording answers.
	Ask func(ctx context.Context) (string, error)
}

// Connected is implemented by a Config whose source asks servers that do not
// speak HTTP: it gives the schemes of their addresses that may leave this machine.
type Connected interface{ Schemes() []string }
