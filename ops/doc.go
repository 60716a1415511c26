// Package ops holds the operations of the program, typed: one method for each
// thing that a person or another program may ask (Service). Operations performs
// them on a store of its own or, in a running daemon, on the daemon's; a client
// of the daemon implements Service as well. The command line, the socket and
// web pages ask nothing else.
//
// A gap is made by the engine in package gap and judged here by Judge; it is
// shown by cmd/evidenced, serve, export and notify.
//
// It may import api and the rooms below it. What never enters: flags, text
// layout, terminals, signals, net/http.
package ops
