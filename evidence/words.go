package evidence

import "strings"

// KnownWords returns those of the known words that a program wrote, in the order of
// known, joined by semicolons; it says so if it wrote others only. What a program
// writes of its own accord may quote any file that it was led to, and so never becomes
// evidence.
func KnownWords(text string, known []string) string {
	var said []string
	for _, words := range known {
		if strings.Contains(text, words) {
			said = append(said, words)
		}
	}
	if len(said) == 0 && strings.TrimSpace(text) != "" {
		return "it gave a reason in words that are not known, and so are not kept"
	}
	return strings.Join(said, "; ")
}
