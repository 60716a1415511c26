// Package witness is a witness for transparency logs: a tiny server, which an
// auditor can run, that signs a checkpoint only if it continues the one that it
// signed before. It speaks the C2SP tlog-witness protocol.
//
// It may import the note and tree code that checkpoints are made with. What
// never enters: the logs themselves, or anything but their checkpoints.
package witness
