package gap

import "testing"

func TestDefault(t *testing.T) {
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(c.Tests()), len(c.Criteria), c.Digest())
}
