package ldap

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/evidenced/evidenced/collectors"
)

// list returns the values of an attribute; names are compared without case.
func (e entry) list(name string) []string {
	for k, v := range e.Attributes {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return nil
}

// first returns the first value of the first of the attributes that has one.
func (e entry) first(names ...string) string {
	for _, n := range names {
		if v := e.list(n); len(v) > 0 && v[0] != "" {
			return v[0]
		}
	}
	return ""
}

// number returns an attribute as a number; false if it is not there or is none.
func (e entry) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(e.first(name), 10, 64)
	return n, err == nil
}

// id is what stays the same when an entry is renamed or moved.
func (e entry) id(flavor string) (string, error) {
	if id := e.first("entryUUID", "nsUniqueId"); id != "" {
		return strings.ToLower(id), nil
	}
	if g := e.first("objectGUID"); g != "" {
		b, err := base64.StdEncoding.DecodeString(g)
		if err != nil || len(b) != 16 {
			return "", collectors.Incomplete("%s: objectGUID has %d bytes", e.DN, len(b))
		}
		// The first three fields are little-endian (MS-DTYP 2.3.4.2).
		slices.Reverse(b[0:4])
		slices.Reverse(b[4:6])
		slices.Reverse(b[6:8])
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
	}
	if flavor == other {
		return e.DN, nil
	}
	return "", collectors.Incomplete("%s has neither entryUUID nor objectGUID nor nsUniqueId, or hides it from this account", e.DN)
}

// moment reads a generalized time (RFC 4517, 3.3.13) or a number of 100
// nanoseconds since 1601 (MS-ADTS). Zero, and the end of time, are how Active
// Directory says never.
func moment(v string) (time.Time, bool) {
	for _, layout := range []string{"20060102150405Z0700", "20060102150405.999999999Z0700", "200601021504Z0700", "2006010215Z0700"} {
		if t, err := time.Parse(layout, v); err == nil {
			return t, true
		}
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n <= 0 || n == math.MaxInt64 || len(v) == len("20060102150405") {
		return time.Time{}, false
	}
	const to1970 = 11_644_473_600
	return time.Unix(n/1e7-to1970, n%1e7*100), true
}

// setTime sets the first of the attributes that is a time.
func (e entry) setTime(a collectors.Attributes, name string, attributes ...string) {
	for _, n := range attributes {
		if t, ok := moment(e.first(n)); ok {
			a.Time(name, &t)
			return
		}
	}
}

// setText sets the first of the attributes that is said.
func (e entry) setText(a collectors.Attributes, name string, attributes ...string) {
	v := e.first(attributes...)
	a.Text(name, &v)
}
