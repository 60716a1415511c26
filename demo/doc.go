// Package demo lives through a period of a simulated company: the real
// collectors read the simulator on schedule under a simulated clock, and what is
// found is compared with what was planted.
//
// It may import ops and the rooms that a collection is made of, and simulator.
// What never enters: flags, text layout, a real source, a real clock.
package demo
