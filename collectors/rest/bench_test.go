package rest

import "testing"

// BenchmarkSpecs is what every start of the program pays for the definitions.
func BenchmarkSpecs(b *testing.B) {
	for b.Loop() {
		Specs()
	}
}
