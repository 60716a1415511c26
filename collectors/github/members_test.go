package github

import (
	"testing"
)

// TestNobodyHasASecondFactor: that, or a server that does not heed the filter.
func TestNobodyHasASecondFactor(t *testing.T) {
	const ann, bob = `{"id":1,"login":"ann"}`, `{"id":2,"login":"bob"}`
	const disabled, insecure = "/orgs/acme/members?filter=2fa_disabled", "/orgs/acme/members?filter=2fa_insecure"
	lists := map[string][]reply{
		"/orgs/acme/members?role=admin":  {ok("[" + ann + "]")},
		"/orgs/acme/members?role=member": {ok("[" + bob + "]")},
		disabled:                         {ok("[" + ann + "," + bob + "]")},
	}
	const nobody = `
1 ann [] {"login":"ann","role":"admin","two_factor":false}
2 bob [] {"login":"bob","role":"member","two_factor":false}
acme read
acme/2fa_disabled read`
	const unsaid = `
1 ann [] {"login":"ann","role":"admin"}
2 bob [] {"login":"bob","role":"member"}
acme read
acme/2fa_disabled `
	for name, tt := range map[string]struct {
		insecure reply
		complete bool
		want     string
	}{
		"nobody has an insecure one":        {ok(`[]`), true, nobody},
		"the server is older than insecure": {no(422, "Validation Failed"), true, nobody},
		"the same list again":               {ok("[" + ann + "," + bob + "]"), false, unsaid + "failed incomplete"},
		"refused":                           {no(404, "Not Found"), false, unsaid + "denied denied"},
	} {
		t.Run(name, func(t *testing.T) {
			lists[insecure] = []reply{tt.insecure}
			expect(t, capture(t, with(lists), kindMember), tt.complete, tt.want)
		})
	}
	t.Run("an organisation without members", func(t *testing.T) {
		for key := range lists {
			lists[key] = []reply{ok(`[]`)}
		}
		lists[insecure] = []reply{no(500, "must not be asked")}
		expect(t, capture(t, with(lists), kindMember), true, "acme read\nacme/2fa_disabled read")
	})
}
