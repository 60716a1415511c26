package api

import (
	"time"

	"github.com/evidenced/evidenced/evidence"
	"github.com/evidenced/evidenced/gap/result"
)

// SampleRequest draws a sample of a control's population.
type SampleRequest struct {
	Control string `json:"control"`
	// Kind is the only one to draw from; empty for each that the control reads.
	Kind string `json:"kind,omitempty"`
	// Size is how many to draw; 0 leaves it to Table, an id of SizeTables.
	Size       int       `json:"size,omitempty"`
	Table      string    `json:"table,omitempty"`
	Engagement string    `json:"engagement"`
	AsOf       time.Time `json:"as_of,omitzero"`
}

// Sample is a sample of each kind that was asked for.
type Sample struct {
	Engagement string        `json:"engagement"`
	Control    string        `json:"control"`
	Period     result.Period `json:"period"`
	AsOf       time.Time     `json:"as_of"`
	Draws      []Draw        `json:"draws"`
	// NotCollected are kinds that the control reads and that no collection of the period was of.
	NotCollected []evidence.Kind `json:"not_collected"`
}

// Document returns the sample as `sample --json` prints it.
func (s *Sample) Document() any {
	type draw struct {
		Draw
		TableTitle struct{} `json:"table_title,omitzero"`
	}
	draws := make([]draw, 0, len(s.Draws))
	for _, d := range s.Draws {
		draws = append(draws, draw{Draw: d})
	}
	return struct {
		*Sample
		Draws []draw `json:"draws"`
	}{s, draws}
}

// Draw is one draw, with what it rests on. docs/sample.md says how anyone draws it again.
type Draw struct {
	Engagement string `json:"engagement"`
	Control    string `json:"control"`
	Kind       string `json:"kind"`
	// Population counts the items, Digest is the SHA-256 of their canonical JSON
	// lines in the order of At, stream, scope and id.
	Population int `json:"population"`
	// Seen counts all items of the kind, Reason says which of them are the population:
	// those to which the tests of the control apply.
	Seen   int           `json:"seen"`
	Reason string        `json:"reason"`
	Digest evidence.Hash `json:"digest"`
	Seed   evidence.Hash `json:"seed"`
	Picks  []Pick        `json:"picks"`
	// Verdict is drawn; did_not_occur where the population was read completely and
	// is empty; unknown where it is empty and was not read completely.
	Verdict string `json:"verdict"`
	Size    int    `json:"size"`
	// Table names the table that gave the size, TableTitle describes it; empty where the size was named.
	Table      string             `json:"table,omitempty"`
	TableTitle string             `json:"table_title,omitempty"`
	Whole      bool               `json:"whole"`
	Streams    []PopulationStream `json:"streams"`
}

// Pick is one item that was drawn.
type Pick struct {
	// Number is its place in the ordered population, from 1.
	Number int            `json:"number"`
	Stream string         `json:"stream"`
	Scope  evidence.Scope `json:"scope,omitempty"`
	ID     string         `json:"id"`
	Name   string         `json:"name"`
	// At is the source's time of an event, or when a resource was first seen in the period.
	At time.Time `json:"at"`
}

// PopulationStream tells what of one stream a population rests on.
type PopulationStream struct {
	Stream   string `json:"stream"`
	Slots    int    `json:"slots"`
	Complete int    `json:"complete"`
	Rows     int    `json:"rows"`
	// Whole: nothing is missing. Of state every collection was complete, of events
	// the windows leave no hole.
	Whole bool `json:"whole"`
}
