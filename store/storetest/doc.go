// Package storetest states what a store is. Whatever keeps evidence must pass
// Run: the bbolt file of package store does.
//
// It may import store, for the types that all stores share, evidence, and an
// independent checker of Merkle proofs. What never enters: how a store keeps
// what it keeps.
package storetest
