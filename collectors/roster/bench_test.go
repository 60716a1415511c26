package roster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/collectors/transport"
)

// BenchmarkPeople reads a file of 100,000 people, of which one column in three is kept.
func BenchmarkPeople(b *testing.B) {
	const n = 100_000
	var text strings.Builder
	text.WriteString("id,name,email,type,status,start,department,login.github,salary,street,city,birthday,note,iban,phone,grade\n")
	for i := range n {
		fmt.Fprintf(&text, "%d,Person %d,person%d@acme.example,employee,active,2024-02-01,R&D,person%d,100000,\"1, Some Street\",Sometown,1990-01-01,\"a note\nof two lines\",DE00 0000 0000,+49 30 1,7\n", i, i, i, i)
	}
	c := file(b, text.String())
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		snap := read(b, c, transport.Options{})
		if snap.Err != nil || len(snap.Records) != n {
			b.Fatal(snap.Err, len(snap.Records))
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "people/s")
}
