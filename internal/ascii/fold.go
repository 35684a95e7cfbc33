package ascii

// Lower returns b in lower case if it is a letter of ASCII.
func Lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

// Upper returns b in upper case if it is a letter of ASCII.
func Upper(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - ('a' - 'A')
	}
	return b
}

// EqualFold reports whether a and b are the same but for the case of ASCII
// letters. Unlike strings.EqualFold it never equates other characters: U+212A
// (Kelvin sign) is no K, which matters where a keyword decides something.
func EqualFold[A, B ~string | ~[]byte](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && Lower(a[i]) != Lower(b[i]) {
			return false
		}
	}
	return true
}

// HasPrefixFold reports whether s begins with prefix but for letter case.
func HasPrefixFold[A, B ~string | ~[]byte](s A, prefix B) bool {
	return len(s) >= len(prefix) && EqualFold(s[:len(prefix)], prefix)
}

// AppendUpper appends s with its ASCII letters in upper case.
func AppendUpper[T ~string | ~[]byte](dst []byte, s T) []byte {
	for i := range len(s) {
		dst = append(dst, Upper(s[i]))
	}
	return dst
}

// AppendLower appends s with its ASCII letters in lower case.
func AppendLower[T ~string | ~[]byte](dst []byte, s T) []byte {
	for i := range len(s) {
		dst = append(dst, Lower(s[i]))
	}
	return dst
}
