package policy

import (
	"net/netip"
	"slices"
)

// World reports addresses that together are all of one version of IP, or so many
// that they may as well be: texts such as "0.0.0.0/0", others are left aside.
func World(cidrs []string) bool {
	var v4, v6 []netip.Prefix
	for _, c := range cidrs {
		p, err := netip.ParsePrefix(c)
		if err != nil {
			continue
		}
		if p = p.Masked(); p.Addr().Is4() {
			v4 = append(v4, p)
		} else {
			v6 = append(v6, p)
		}
	}
	return vast(v4, 6) || vast(v6, 8)
}

// vast reports ranges that together hold more than one of the given length. No
// company has that many addresses.
func vast(ps []netip.Prefix, bits int) bool {
	sum := 0.0
	for i, p := range ps {
		inOther := slices.ContainsFunc(ps[:i], func(o netip.Prefix) bool { return o.Bits() <= p.Bits() && o.Contains(p.Addr()) }) ||
			slices.ContainsFunc(ps[i+1:], func(o netip.Prefix) bool { return o.Bits() < p.Bits() && o.Contains(p.Addr()) })
		if inOther || private(p) {
			continue
		}
		share := 1.0
		for range p.Bits() {
			share /= 2
		}
		if p.Bits() < 8 && p.Addr().Is4() || p.Bits() < 12 && p.Addr().Is6() {
			return true
		}
		sum += share
	}
	limit := 1.0
	for range bits {
		limit /= 2
	}
	return sum > limit
}

// private reports a range that the internet does not route.
func private(p netip.Prefix) bool {
	a := p.Addr()
	switch {
	case a.Is4() && a.As4()[0] == 10:
		return p.Bits() >= 8
	case a.IsPrivate() && a.Is4():
		return p.Bits() >= 12
	}
	return a.IsPrivate() && p.Bits() >= 7 || a.IsLoopback() && p.Bits() >= 8
}
