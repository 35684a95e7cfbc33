package pop3

import (
	"crypto/md5"
	"encoding/hex"
	"strings"

	"github.com/mailwire/mailwire/internal/ascii"
)

// ValidStamp reports whether stamp is what APOP may be computed over: "<", a
// local part, one "@", a domain, ">", all of it printable ASCII. A client that
// answers to anything else helps whoever sits between to find the password, by
// stamps made to collide: CVE-2007-1558. RFC 1939, section 7.
func ValidStamp(stamp string) bool {
	inner, ok := strings.CutPrefix(stamp, "<")
	if !ok {
		return false
	}
	inner, ok = strings.CutSuffix(inner, ">")
	local, domain, at := strings.Cut(inner, "@")
	return ok && at && ascii.All(stampChar, local) && ascii.All(stampChar, domain) && local != "" && domain != ""
}

var stampChar = ascii.VChar.Without("<>@")

// FindStamp returns the first valid stamp in a greeting, or "". Servers put it
// anywhere in the text.
func FindStamp(text string) string {
	for {
		i := strings.IndexByte(text, '<')
		if i < 0 {
			return ""
		}
		text = text[i:]
		if end := strings.IndexByte(text, '>'); end > 0 && ValidStamp(text[:end+1]) {
			return text[:end+1]
		}
		text = text[1:]
	}
}

// Digest is what APOP sends: the MD5 of stamp, with its angle brackets, followed
// by the secret, in lower-case hexadecimal. RFC 1939, section 7.
func Digest(stamp string, secret []byte) string {
	h := md5.New()
	h.Write([]byte(stamp))
	h.Write(secret)
	return hex.EncodeToString(h.Sum(nil))
}
