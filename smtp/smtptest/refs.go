package smtptest

import (
	"strconv"
	"strings"
)

// refs spells citations out: "5321 4.1.4" is RFC 5321, section 4.1.4.
func refs(short ...string) []string {
	for i, s := range short {
		rfc, section, _ := strings.Cut(s, " ")
		short[i] = "RFC " + rfc + ", section " + section
	}
	return short
}

// quote writes octets down for a failure.
func quote(octets string) string { return strconv.QuoteToASCII(octets) }
