// Package transport is how a source is asked: the one door through which every
// byte leaves (type gateway), and the capture of one slot into a certificate,
// records and exchanges. It admits declared reads only, records, redacts, bounds,
// retries, revalidates and replays; programs, files and servers that do not speak
// HTTP go through it as well.
//
// It may import evidence and collectors, whose contract it carries out. What
// never enters: a vendor's SDK, judgement of what was read, storage, schedules,
// writes to what is audited.
package transport
