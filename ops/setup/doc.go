// Package setup is what an engineer asks while evidenced is set up and kept
// going: a first configuration, the permissions that a source needs, whether it
// grants them (doctor), and a new file in the place of one that a source reads.
//
// It may import ops and the rooms that a source is made of. What never enters:
// judgment, flags, text for a person.
package setup
