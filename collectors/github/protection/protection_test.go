package protection

import "testing"

func TestEither(t *testing.T) {
	no := new(bool)
	for _, tt := range []struct{ a, b, want *bool }{
		{yes(), yes(), yes()}, {yes(), no, yes()}, {yes(), nil, yes()}, {no, no, no}, {no, nil, nil}, {nil, nil, nil},
	} {
		for _, got := range []*bool{either(tt.a, tt.b), either(tt.b, tt.a)} {
			if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
				t.Errorf("%v, %v gave %v", tt.a, tt.b, got)
			}
		}
	}
}
