package transcript

import "strings"

const (
	wildAny  = "{{any}}"
	wildRest = " ..."
)

// hasWild reports whether text stands for more than itself. An opening of two
// braces always does, so that a misspelt wild card is never taken literally.
func hasWild(text string) bool {
	return strings.Contains(text, "{{") || strings.HasSuffix(text, wildRest)
}

// match reports whether text is what the pattern stands for.
func match(pattern, text string) bool {
	if head, ok := strings.CutSuffix(pattern, wildRest); ok {
		return matchAny(head, text) || matchAny(head+" "+wildAny, text)
	}
	return matchAny(pattern, text)
}

// matchAny is match for patterns in which only {{any}} is a wild card.
func matchAny(pattern, text string) bool {
	parts := strings.Split(pattern, wildAny)
	if len(parts) == 1 {
		return pattern == text
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part) // the leftmost leaves the most for the others
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}
