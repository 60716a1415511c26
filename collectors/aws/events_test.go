package aws

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/evidenced/evidenced/evidence"
)

// happening returns an event of a name, at the end of which a page may follow.
func happening(id, name, next string) reply {
	return ok(fmt.Sprintf(`{"Events":[{"EventId":%q,"EventName":%q,"EventTime":1782864000,"CloudTrailEvent":"{}"}],"NextToken":%q}`, id, name, next))
}

func eventNames(records []evidence.Record) (names []string) {
	for _, r := range records {
		names = append(names, r.ID+" "+r.Name)
	}
	slices.Sort(names)
	return names
}

// TestEventsOfAQuietRegion: one listing of what changed something, of which what is watched is kept.
func TestEventsOfAQuietRegion(t *testing.T) {
	r := newRig(t, with(map[string][]reply{
		"cloudtrail:LookupEvents us-east-1": {happening("a", "StopLogging", "2"), happening("b", "CreateTags", "3"), happening("c", "CreateUser", "")},
		"cloudtrail:LookupEvents eu-west-1": {happening("d", "CreateUser", "")}, // of a global service, and so none of this region
	}))
	s := r.Visit(t.Context(), own).Capture(t.Context(), kindEvent, aDay)
	if got := eventNames(s.Records); s.Err != nil || !slices.Equal(got, []string{"a StopLogging", "c CreateUser"}) {
		t.Errorf("%v, %v", got, s.Err)
	}
	if !strings.Contains(s.Certificate.Filters["EventName"], "names that are watched") {
		t.Errorf("filters %v: it is not said that something was left out", s.Certificate.Filters)
	}
}

// TestEventsOfABusyRegion: where the listing is too long, each name is looked
// up, and what the listing had shown is not told twice.
func TestEventsOfABusyRegion(t *testing.T) {
	replies := with(map[string][]reply{"cloudtrail:LookupEvents": {ok(`{"Events":[]}`)}, "cloudtrail:LookupEvents StopLogging": {happening("a", "StopLogging", "")}})
	for n := range quietPages + 1 {
		replies["cloudtrail:LookupEvents false"] = append(replies["cloudtrail:LookupEvents false"], happening("a", "StopLogging", fmt.Sprint("page ", n)))
	}
	r := newRig(t, replies, func(c *Config) { c.Regions = Choice{List: []string{"us-east-1"}} })
	s := r.Visit(t.Context(), own).Capture(t.Context(), kindEvent, aDay)
	if got := eventNames(s.Records); s.Err != nil || !slices.Equal(got, []string{"a StopLogging"}) {
		t.Errorf("%v, %v", got, s.Err)
	}
	if n := s.Certificate.Requests; n != 1+quietPages+1+len(watched.global)+len(watched.regional) { // who asks, the listing, the names
		t.Errorf("%d requests", n)
	}
}
