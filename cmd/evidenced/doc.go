// Command evidenced collects SOC 2 evidence, finds gaps over the observation
// period and hands the auditor a bundle.
//
// This folder only wires the rooms together and speaks with the person at the
// terminal. What never enters: judgement, formats, vendor code.
package main
