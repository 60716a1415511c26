// Package roster reads the people of the company from a CSV file: an export of
// the HR system, or a list that is kept by hand. It is the authority against
// which the accounts of all other sources are held.
//
// It may import collectors, collectors/sheet and evidence. What never enters: judgement of what
// was read, any network, and any column that the configuration does not name:
// an export of an HR system holds salaries, addresses and dates of birth.
//
// # What is kept
//
// The file is read anew at each slot, and only the declared columns of it are
// stored, as a CSV text of our own in which each row begins with the line on
// which it stands in the file. Records are derived from that text alone, so that
// anyone can derive them again. The certificate states the SHA-256, the size and
// the time of the whole file, so that it can be told whether a file at hand is the one that
// was read. `evidenced upload roster FILE` puts a new one in its place.
//
// # What is refused
//
// A roster that is wrong in one place is not to be relied on in any: a row with
// another number of fields, a date that is none, an id or an address that
// stands there twice, a type that is not known, and text that is not UTF-8 end the
// reading. The error names file, line and column, and the slot is incomplete.
package roster
