package collectors

import "testing"

func TestValidEndpoint(t *testing.T) {
	for endpoint, ok := range map[string]bool{
		"": true, "https://ghe.acme/api/v3/": true, "http://127.0.0.1:8080": true, "http://localhost:1/": true, "http://[::1]:1/": true,
		"http://ghe.acme/": false, "ghe.acme": false, "https://": false, "https://user:pw@ghe.acme/": false, "https://ghe.acme/?x=1": false,
		"ftp://ghe.acme/": false, "https://ghe.acme/a//b": false, "https://ghe.acme/../": false,
	} {
		if err := ValidEndpoint(endpoint); (err == nil) != ok {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}
