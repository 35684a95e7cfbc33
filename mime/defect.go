package mime

import (
	"errors"
	"fmt"
	"strconv"
)

// Errors that callers ask for with errors.Is.
var (
	ErrIndex      = errors.New("mime: not a valid index")
	ErrTooLarge   = errors.New("mime: content is larger than the limit")
	ErrNotMessage = errors.New("mime: part is not a message")
	ErrNoField    = errors.New("mime: no such field")
	ErrDate       = errors.New("mime: not a date")
	ErrAddress    = errors.New("mime: not an address")
	ErrField      = errors.New("mime: not allowed in a header field")
	ErrEdit       = errors.New("mime: edit cannot be done")
	ErrNeeds8Bit  = errors.New("mime: embedded message has 8-bit content; use Mode8Bit")
	ErrReport     = errors.New("mime: delivery status lacks a required field")
	ErrReceived   = errors.New("mime: not a Received field")
	ErrNoSource   = errors.New("mime: message has no source to read from")
)

// A DefectKind says which rule was broken. No defect stops parsing.
type DefectKind uint8

const (
	// Structure, known after the scan.

	DefectMboxLine         DefectKind = iota + 1 // "From " line in front, RFC 5322, section 2.2
	DefectByteOrderMark                          // U+FEFF in front, RFC 5322, section 2.2
	DefectFirstLineFolded                        // first header line starts with white space, RFC 5322, section 2.2.3
	DefectNoColon                                // header line that is no field, RFC 5322, section 2.2
	DefectBadFieldName                           // empty name or octets above 127, RFC 5322, section 3.6.8
	DefectHeaderCut                              // header without the empty line after it, RFC 5322, section 2.1
	DefectHeaderTooLong                          // over Options.MaxHeader or MaxHeaders
	DefectBareCR                                 // CR without LF, RFC 5322, section 2.3
	DefectBareLF                                 // LF without CR in a message that also has CRLF, RFC 5322, section 2.3
	DefectNUL                                    // octet 0, RFC 5322, section 4.1
	DefectNoBoundary                             // multipart without boundary parameter, RFC 2046, section 5.1.1
	DefectNoDelimiter                            // boundary that never occurs, RFC 2046, section 5.1.1
	DefectNoClose                                // multipart without close delimiter, RFC 2046, section 5.1.1
	DefectJunkAfterClose                         // text behind a close delimiter, RFC 2046, section 5.1.1
	DefectTooDeep                                // over Options.MaxDepth
	DefectTooManyParts                           // over Options.MaxParts
	DefectEncodedMultipart                       // base64 or quoted-printable multipart, RFC 2045, section 6.4
	DefectUnknownEncoding                        // unknown Content-Transfer-Encoding, RFC 2045, section 6.1
	DefectDuplicateField                         // a second field of a kind that may stand once, RFC 5322, section 3.6

	// Values.

	DefectBadWord            // encoded-word that is not one, RFC 2047, section 2
	DefectUnknownCharset     // label that is not known, RFC 2978
	DefectBadCharset         // octets that the charset does not have, RFC 2978
	DefectControlInText      // CR, LF or NUL in decoded text, RFC 2047, section 5
	DefectBadAddress         // member that is no address, RFC 5322, section 3.4
	DefectObsAddress         // obsolete address syntax, RFC 5322, section 4.4
	DefectUnclosed           // quote, comment, angle or group that is not closed, RFC 5322, section 3.2
	DefectNoDomain           // address without a domain, RFC 5322, section 3.4.1
	DefectTooManyAddresses   // over Options.MaxAddresses
	DefectBadDate            // no date-time, RFC 5322, section 3.3
	DefectObsDate            // obsolete date syntax, RFC 5322, section 4.3
	DefectBadParameter       // parameter that cannot be read, RFC 2045, section 5.1
	DefectDuplicateParameter // the first counts, RFC 2045, section 5.1
	DefectBadMediaType       // no type/subtype, RFC 2045, section 5.1

	// Contents.

	DefectBadBase64 // RFC 2045, section 6.8
	DefectBadQP     // RFC 2045, section 6.7

	DefectMore // there were more than Options.MaxDefects
)

var defectNames = [...]string{
	DefectMboxLine: "mbox line", DefectByteOrderMark: "byte order mark", DefectFirstLineFolded: "first line folded",
	DefectNoColon: "line without colon", DefectBadFieldName: "bad field name", DefectHeaderCut: "header cut",
	DefectHeaderTooLong: "header too long", DefectBareCR: "bare CR", DefectBareLF: "bare LF", DefectNUL: "NUL",
	DefectNoBoundary: "no boundary", DefectNoDelimiter: "no delimiter", DefectNoClose: "no close delimiter",
	DefectJunkAfterClose: "junk after close delimiter", DefectTooDeep: "too deep", DefectTooManyParts: "too many parts",
	DefectEncodedMultipart: "encoded multipart", DefectUnknownEncoding: "unknown encoding",
	DefectDuplicateField: "duplicate field", DefectBadWord: "bad encoded-word", DefectUnknownCharset: "unknown charset",
	DefectBadCharset: "octets outside the charset", DefectControlInText: "control in text", DefectBadAddress: "bad address",
	DefectObsAddress: "obsolete address", DefectUnclosed: "unclosed", DefectNoDomain: "no domain", DefectTooManyAddresses: "too many addresses", DefectBadDate: "bad date",
	DefectObsDate: "obsolete date", DefectBadParameter: "bad parameter", DefectDuplicateParameter: "duplicate parameter",
	DefectBadMediaType: "bad media type", DefectBadBase64: "bad base64", DefectBadQP: "bad quoted-printable",
	DefectMore: "more defects",
}

// String returns a short English name.
func (k DefectKind) String() string {
	if int(k) < len(defectNames) && defectNames[k] != "" {
		return defectNames[k]
	}
	return "DefectKind(" + strconv.Itoa(int(k)) + ")"
}

// A Defect is one thing that is wrong with a message. It is an error, so that
// it may be returned or joined; parsing never stops at one.
type Defect struct {
	Kind   DefectKind
	Part   int    // index of the part in Message.Parts; 0 for values parsed alone
	Offset int64  // octet in the message; in the value, for values parsed alone
	Note   string // sample of the input, quoted and short; may be empty
}

// Error returns kind, part, offset and note on one line.
func (d Defect) Error() string {
	s := fmt.Sprintf("mime: %v in part %d at octet %d", d.Kind, d.Part, d.Offset)
	if d.Note != "" {
		s += ": " + d.Note
	}
	return s
}

// note quotes a sample of the input, so that it can go to a log.
func note[T string | []byte](s T) string {
	const most = 40
	if len(s) > most {
		return strconv.QuoteToASCII(string(s[:most])) + "..."
	}
	return strconv.QuoteToASCII(string(s))
}

// addDefect appends d, or one DefectMore, so that at most max+1 are kept.
func addDefect(list []Defect, max int, d Defect) []Defect {
	switch {
	case len(list) < max:
		return append(list, d)
	case len(list) == max:
		return append(list, Defect{Kind: DefectMore, Part: d.Part, Offset: d.Offset})
	}
	return list
}
