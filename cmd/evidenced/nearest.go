package main

import (
	"fmt"
	"strings"

	"github.com/evidenced/evidenced/config"
	"github.com/evidenced/evidenced/gap/catalogue"
)

// maxNearest is how many names a mistyped one is answered with.
const maxNearest = 3

// nearest names those of known that a mistyped name may mean, as the end of a message.
func nearest(name string, known []string) string {
	names := config.Nearest(name, known, maxNearest)
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(names, ", ") + "?"
}

// control finds a control of the catalogue; one that is not there is a mistake
// of who typed it.
func control(cat *catalogue.Catalogue, id string) (catalogue.Control, error) {
	ctl, ok := cat.Control(id)
	if ok {
		return ctl, nil
	}
	if into := catalogue.SplitInto(id); len(into) > 0 {
		return ctl, usageError{fmt.Errorf("control %s was split: name one of %s", id, strings.Join(into, ", "))}
	}
	var ids []string
	for _, c := range cat.Controls {
		ids = append(ids, c.ID)
	}
	return ctl, usageError{fmt.Errorf("there is no control %q%s; `evidenced catalogue list` shows them all", id, nearest(id, ids))}
}

// duty finds a duty of the catalogue, likewise.
func duty(cat *catalogue.Catalogue, id string) (catalogue.Duty, error) {
	var ids []string
	for _, d := range cat.Duties() {
		if d.ID == id {
			return d, nil
		}
		ids = append(ids, d.ID)
	}
	return catalogue.Duty{}, usageError{fmt.Errorf("there is no duty %q%s; `evidenced catalogue list --duties` shows them all", id, nearest(id, ids))}
}

// given demands flags that a command cannot do without: name, value, name, value.
func given(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if strings.TrimSpace(pairs[i+1]) == "" {
			return usageError{fmt.Errorf("--%s is missing", pairs[i])}
		}
	}
	return nil
}
