package evidence

// Member is one member of a JSON object, as it is written: the name without its
// quotes, the value with them.
type Member struct{ Name, Value []byte }

// Members cuts the canonical JSON of an object into its members, without
// decoding them. It is false for anything else.
func Members(obj []byte) (out []Member, ok bool) {
	if len(obj) < 2 || obj[0] != '{' || obj[len(obj)-1] != '}' {
		return nil, false
	}
	for rest := obj[1 : len(obj)-1]; len(rest) > 0; {
		var m Member
		if m, rest, ok = cutMember(rest); !ok {
			return nil, false
		}
		out = append(out, m)
	}
	return out, true
}

// cutMember takes the member that b begins with, and the comma behind it.
func cutMember(b []byte) (m Member, rest []byte, ok bool) {
	n := ValueEnd(b)
	if n < 2 || b[0] != '"' || n >= len(b) || b[n] != ':' {
		return m, nil, false
	}
	m.Name, rest = b[1:n-1], b[n+1:]
	if n = ValueEnd(rest); n < 1 {
		return m, nil, false
	}
	m.Value, rest = rest[:n], rest[n:]
	if len(rest) > 0 && rest[0] == ',' {
		rest = rest[1:]
		return m, rest, len(rest) > 0 && rest[0] == '"'
	}
	return m, rest, len(rest) == 0 || rest[0] == '}'
}

// ValueEnd returns the length of the JSON value that b begins with; 0 if it does not end.
func ValueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			n := StringEnd(b[i+1:])
			if n < 0 {
				return 0
			}
			i += n + 1
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + depth
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	if depth != 0 {
		return 0
	}
	return len(b)
}

// StringEnd returns the index of the quote that ends a JSON string; -1 if none does.
func StringEnd(b []byte) int {
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return -1
}
