// Package notify tells people what matters: what the gaps of a period are now,
// and what was told before, gives what is to be told; senders carry it.
//
// What is told is a function of the state, not of a change that somebody had to
// see: who was down, or could not be reached, is told later, once. What was told is
// in the log, with the keys of what it was about, so that it is not told twice.
//
// It may import evidence and gap. What never enters: names of people and
// resources (a gap's id leads to them, for who may read the evidence), secrets in
// anything that is sent, logged or returned, and the collectors' door: what is
// sent here goes to hosts of its own, by clients of its own.
package notify
