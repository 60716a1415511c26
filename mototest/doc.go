// Package mototest starts moto, an AWS that others wrote, for tests.
//
// It imports nothing of ours. What never enters: anything but tests.
package mototest
