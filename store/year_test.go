package store

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// year makes the snapshots of a state stream over many days: about 800 bytes a
// record, 0.5 % of the records change a day, 20 % change a volatile field.
type year struct {
	rng     *rand.Rand
	records []string // what is stable, around the volatile field
	used    []string
	day     int
}

func newYear(n int) *year {
	y := &year{rng: rand.New(rand.NewPCG(1, 2))}
	for i := range n {
		y.records = append(y.records, y.record(i))
		y.used = append(y.used, y.when())
	}
	return y
}

func (y *year) word() string {
	const hex = "0123456789abcdef"
	b := make([]byte, 12)
	for i := range b {
		b[i] = hex[y.rng.IntN(16)]
	}
	return string(b)
}

func (y *year) when() string {
	return start.AddDate(0, 0, y.day).Add(-time.Duration(y.rng.IntN(86400)) * time.Second).Format(time.RFC3339)
}

func (y *year) record(i int) string {
	groups := []string{"admins", "billing", "developers", "operations", "readers", "support"}
	return fmt.Sprintf(`{"attributes":{"access_keys":[{"active":true,"created":"2025-%02d-%02dT08:00:00Z","id":"AKIA%s"},{"active":false,"created":"2024-%02d-11T09:30:00Z","id":"AKIA%s"}],`+
		`"arn":"arn:aws:iam::111122223333:user/division/u%05d","attached_policies":["arn:aws:iam::aws:policy/ReadOnlyAccess","arn:aws:iam::111122223333:policy/team-%s"],`+
		`"created":"2023-%02d-%02dT10:00:00Z","groups":["%s","%s"],"last_used":"@@","mfa_active":%t,"mfa_devices":["arn:aws:iam::111122223333:mfa/%s"],"password_enabled":true,`+
		`"password_last_changed":"2025-%02d-%02dT12:%02d:00Z","tags":{"cost_center":"%d","owner":"%s@example.com","team":"%s"}},`+
		`"id":"arn:aws:iam::111122223333:user/division/u%05d","kind":"aws.iam.user","name":"u%05d"}`+"\n",
		1+y.rng.IntN(12), 1+y.rng.IntN(28), y.word(), 1+y.rng.IntN(12), y.word(), i, groups[y.rng.IntN(6)], 1+y.rng.IntN(12), 1+y.rng.IntN(28),
		groups[y.rng.IntN(6)], groups[y.rng.IntN(6)], y.rng.IntN(10) > 0, y.word(), 1+y.rng.IntN(12), 1+y.rng.IntN(28), y.rng.IntN(60), y.rng.IntN(500), y.word(), groups[y.rng.IntN(6)], i, i)
}

// next returns the snapshot of the next day.
func (y *year) next() []byte {
	y.day++
	var b strings.Builder
	for i := range y.records {
		switch x := y.rng.IntN(1000); {
		case x < 5:
			y.records[i] = y.record(i)
		case x < 205:
			y.used[i] = y.when()
		}
		before, after, _ := strings.Cut(y.records[i], "@@")
		b.WriteString(before)
		b.WriteString(y.used[i])
		b.WriteString(after)
	}
	return []byte(b.String())
}
