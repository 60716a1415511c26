package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"
)

// busy tells a person at a terminal what takes so long, where nobody knows how
// far it is. The function that it returns ends it.
func (a *app) busy(doing string) (done func()) {
	f, ok := a.stderr.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	t := time.AfterFunc(patience, func() { fmt.Fprintf(f, "evidenced: %s …\n", doing) })
	return func() { t.Stop() }
}
