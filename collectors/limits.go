package collectors

// Quota names the headers in which a source tells what is left of a limit.
type Quota struct {
	// Limit, Remaining and Reset are the headers' names.
	Limit, Remaining, Reset string
	// Left says that Reset holds the seconds left; otherwise it is a time, in
	// seconds since 1970.
	Left bool
	// Share is how much of the limit may be used, 1 if 0. The source's own users
	// share the limit: what is left to them is not ours.
	Share float64
}
