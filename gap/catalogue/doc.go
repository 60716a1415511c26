// Package catalogue holds criteria, controls, tests, duties and views: their
// YAML, its checks, their compiled rules, and the canonical JSON that is logged.
//
// It may import evidence, gap/result, gap/rule and YAML. What never enters: runs,
// records, verdicts, clocks, input or output beyond an fs.FS.
package catalogue
