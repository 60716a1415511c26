//go:build race

package store

// slow is how much less a test does under the race detector, which makes it that much slower.
const slow = 10
