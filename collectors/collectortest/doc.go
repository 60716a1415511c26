// Package collectortest is what every collector must pass: Check looks at what
// it declares, Run collects from a real HTTP server, replays the recording,
// and breaks each call in each way a source can break.
//
// It may import collectors, evidence and the YAML parser. What never enters:
// any vendor's SDK, and any network but loopback.
package collectortest
