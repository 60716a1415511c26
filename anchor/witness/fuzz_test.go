package witness

import (
	"errors"
	"net/http"
	"testing"
)

// FuzzParse: whatever is asked, what is read of it is bounded, and what is
// refused is refused as a bad request.
func FuzzParse(f *testing.F) {
	f.Add([]byte("old 3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\nevidenced/acme\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— evidenced/acme AAAA\n"))
	f.Add([]byte("old 0\n\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := parse(b)
		var no *refusal
		switch {
		case err != nil && (!errors.As(err, &no) || no.status != http.StatusBadRequest):
			t.Fatalf("%v", err)
		case err == nil && (len(q.proof) > maxProof || q.origin == "" || q.size >= 1<<63):
			t.Fatalf("taken: %+v", q)
		}
	})
}
