// Package mototest starts moto, an AWS that others wrote, for tests, and reads AWS's own descriptions of its APIs, which come with it.
//
// It imports nothing of ours. What never enters: anything but tests.
package mototest
