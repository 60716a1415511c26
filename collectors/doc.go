// Package collectors is how evidence is seen: the contract that every source
// fulfils, the one door through which every byte leaves, and the capture of
// one slot into a certificate, records and exchanges.
//
// It may import evidence. Each source has a folder of its own below this one;
// only that folder may import the vendor's SDK. What never enters: judgement
// of what was read, storage, schedules, writes to what is audited.
package collectors
