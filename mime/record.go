package mime

// Kind says what a part consists of.
type Kind uint8

const (
	Leaf      Kind = iota // content
	Multipart             // parts between delimiters
	Embedded              // one message
)

// String returns the name of the constant.
func (k Kind) String() string {
	switch k {
	case Leaf:
		return "Leaf"
	case Multipart:
		return "Multipart"
	case Embedded:
		return "Embedded"
	}
	return "Kind(?)"
}

// recordFlags are facts of the scan that the octets alone do not tell.
type recordFlags uint8

const (
	flagDigest  recordFlags = 1 << iota // a part of multipart/digest: message/rfc822 by default
	flagPlain                           // multipart without a delimiter: text/plain whatever it says
	flagOpaque                          // over a limit: application/octet-stream for IMAP
	flagSkipped                         // header over MaxHeaders: no fields
	flagSawDelimiter
	flagClosed
	allFlags = flagDigest | flagPlain | flagOpaque | flagSkipped | flagSawDelimiter | flagClosed
)

// A span is a stretch of a header block, counted from the block's first octet.
type span struct{ from, to int32 }

// A record is one part in the flat index, in the order of Message.Parts.
// header <= body <= end; the header block includes its empty line.
type record struct {
	parent, next      int32 // next: index after the subtree
	number            int32 // place among the siblings, from 1
	depth             int32 // the root has 1
	children          int32
	kind              Kind
	encoding          Encoding
	flags             recordFlags
	header, body, end int64
	typ, cte          span  // of Content-Type and Content-Transfer-Encoding; empty if absent
	lines             int64 // LF between body and end
	// Line ends without CR: before header, in the header, in the body. They
	// turn offsets into those of the CRLF form without a scan.
	bareBefore, bareHeader, bareBody int64
}

// place numbers the newest record; number, level and the parent's count follow
// from parent, so the stored index leaves them out.
func place(recs []record) {
	r := &recs[len(recs)-1]
	if r.parent < 0 {
		r.depth, r.number = 1, 1
		return
	}
	up := &recs[r.parent]
	up.children++
	r.number, r.depth = up.children, up.depth+1
}
