// Package collectors is the contract that every source fulfils: what it declares
// (Spec, KindSpec, Call), how it is configured (Config, Base, Secret), what it is
// given (Env), how it reads (Collector, Session, Output), and the classes of its
// failures. Package transport below it carries the contract out.
//
// It may import evidence. Each source has a folder of its own below this one;
// only that folder may import the vendor's SDK. What never enters: requests,
// judgement of what was read, storage, schedules, writes to what is audited.
package collectors
