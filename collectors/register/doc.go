// Package register reads the registers that a company keeps by hand, each a CSV
// file: vendors, trainings, policies and who acknowledged them, incidents,
// approvals of access, who holds privileged access, and which applications were let in.
//
// It may import collectors, collectors/sheet and evidence. What never enters:
// judgement of what was read, any network, and any column that is not declared.
//
// # What is read
//
// Each register is a kind of its own, with a file and a certificate of its own. One
// that has no file is not collected, and no test waits for it. The root kind tells
// which registers there are; it reads no file, so that a file that is broken
// fails its own slot and no other.
//
// # What an empty cell means
//
// An empty cell says nothing, and its attribute is absent. In a register a date
// that is not there yet is how people write "not done". So that a column which
// nobody mapped does not look like that, the columns that tests read so must be in
// the file: without one of them the file is refused.
package register
