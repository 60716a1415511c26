// Package sheet reads a CSV file that people keep or export, strictly, for the
// sources that are made of such files: the roster, and the registers.
//
// It may import collectors and evidence. What never enters: what the fields of a
// source mean, judgement of what was read, any network, and any column that was
// not declared: an export of an HR system holds salaries, addresses and dates of
// birth.
//
// A file may be separated by comma, semicolon or tab, and begin with a byte order
// mark; its text is UTF-8. Only the declared columns are kept, as a CSV text of
// our own in which each row begins with the line on which it stands in the file.
// Records are derived from that text alone. One mistake, and nothing of the file
// is relied on; errors name file, line and column.
package sheet
