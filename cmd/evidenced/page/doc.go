// Package page writes answers that fill a page as text for a terminal.
//
// It may import api and evidence. What never enters: flags, stores, operations.
package page
