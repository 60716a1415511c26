package collectors

// Reply is what a program said.
type Reply struct {
	Exit int
	Out  string
	// Err is what it wrote to its standard error, if Exit is not 0.
	Err string
}
