package result

// The bytes of Days, one a day from the start of the period.
const (
	DayNone    = '-' // nothing was due, or nothing applied
	DayPass    = 'p'
	DayFail    = 'f'
	DayUnknown = 'u' // some of the day was not seen, and nothing was seen failing
	DayManual  = 'm' // nothing was tested; evidence that a person brought holds
)

// Days are the verdicts of the days of a period; its zero bytes are DayNone.
type Days []byte

// Mark puts b on day i, unless what is there is as grave.
func (d Days) Mark(i int, b byte) {
	if gravity(b) > gravity(d[i]) {
		d[i] = b
	}
}

// Fold marks each day with that of src, which is as long.
func (d Days) Fold(src string) {
	for i := range d {
		d.Mark(i, src[i])
	}
}

// String returns the text of TestResult.Days.
func (d Days) String() string {
	text := append([]byte(nil), d...)
	for i, b := range text {
		if b == 0 {
			text[i] = DayNone
		}
	}
	return string(text)
}

func gravity(b byte) int {
	switch b {
	case DayFail:
		return 4
	case DayUnknown:
		return 3
	case DayPass:
		return 2
	case DayManual:
		return 1
	}
	return 0
}
