package receipt

import "encoding/binary"

// As much of CBOR (RFC 8949) as a receipt needs, in its deterministic encoding:
// each length in the fewest bytes, members of a map in the order of their labels.

// value is a value of CBOR.
type value interface{ append(dst []byte) []byte }

type (
	integer int64
	raw     []byte
	text    string
	null    struct{}
	list    []value
	// fields are the members of a map whose labels are integers, in the order of
	// their encoding.
	fields []field
	field  struct {
		label int64
		value value
	}
)

// The major types.
const (
	majorUnsigned = iota
	majorNegative
	majorBytes
	majorText
	majorArray
	majorMap
	majorTag
	majorSimple
)

// head appends a major type and its argument.
func head(dst []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n < 1<<8:
		return append(dst, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func (n integer) append(dst []byte) []byte {
	if n < 0 {
		return head(dst, majorNegative, uint64(-(n + 1)))
	}
	return head(dst, majorUnsigned, uint64(n))
}

func (b raw) append(dst []byte) []byte {
	return append(head(dst, majorBytes, uint64(len(b))), b...)
}

func (s text) append(dst []byte) []byte {
	return append(head(dst, majorText, uint64(len(s))), s...)
}

func (null) append(dst []byte) []byte { return head(dst, majorSimple, 22) }

func (l list) append(dst []byte) []byte {
	dst = head(dst, majorArray, uint64(len(l)))
	for _, v := range l {
		dst = v.append(dst)
	}
	return dst
}

func (m fields) append(dst []byte) []byte {
	dst = head(dst, majorMap, uint64(len(m)))
	for _, f := range m {
		dst = f.value.append(integer(f.label).append(dst))
	}
	return dst
}
