package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/evidenced/evidenced/api"
	"github.com/evidenced/evidenced/evidence"
)

func TestCorroborationText(t *testing.T) {
	at := func(minutes int) time.Time {
		return time.Date(2026, 7, 1, 6, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
	}
	c := api.Corroboration{
		Stream: evidence.Stream{Source: "aws", Kind: "aws.cloudtrail.own_read", Scope: "1"}, Window: evidence.Window{From: at(-1440), To: at(60)}, Asked: 4, Told: 3,
		Silent:  map[string]int{"s3:GetBucketAcl": 1},
		Apart:   []api.TimeMismatch{{RequestID: "b", Call: "s3:ListBuckets", Ours: at(1), Theirs: at(30)}, {RequestID: "later", Call: "cloudtrail:LookupEvents", Ours: at(70), Theirs: at(59)}},
		Foreign: []api.ForeignRequest{{RequestID: "stolen", Event: "ListUsers", Time: at(20), SourceIP: "203.0.113.9"}},
	}
	var b bytes.Buffer
	corroborationText(&b, c)
	const text = `aws/aws.cloudtrail.own_read/1, 2026-06-30 06:00 to 2026-07-01 07:00: 4 requests, 3 of them told of; nothing of s3:GetBucketAcl 1
  at another time: s3:ListBuckets b, ours 2026-07-01 06:01, theirs 2026-07-01 06:30
  at another time: cloudtrail:LookupEvents later, ours 2026-07-01 07:10, theirs 2026-07-01 06:59
  not ours: ListUsers stolen, 2026-07-01 06:20, from 203.0.113.9
`
	if b.String() != text {
		t.Error(b.String())
	}
}
