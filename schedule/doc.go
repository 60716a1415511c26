// Package schedule decides when evidence is collected and writes down how
// every expected slot ended: collected, late, partial, failed or missed.
//
// Slots are derived from the cron spec, so a slot is known to be missed even
// if nobody was running when it was due. It may import collectors and
// evidence. What never enters: judgement of what was read, vendor code, a
// clock of its own.
package schedule
