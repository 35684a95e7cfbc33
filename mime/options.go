package mime

import "golang.org/x/text/encoding"

// Options bound what a message may cost and say how unlabelled text is read.
// The zero value, and nil, are safe. In every limit 0 means the default and a
// negative value means no limit.
type Options struct {
	MaxDepth   int // levels of parts, embedded messages count; default 100. What is deeper is an opaque leaf
	MaxParts   int // default 10 000; the rest stays in the last part
	MaxHeader  int // octets of one header block that are parsed; default 1 MiB. The rest is in Raw, not in Fields
	MaxHeaders int // octets of all header blocks that are parsed; default 16 MiB. Later blocks have no fields
	// MaxAddresses bounds the mailboxes and groups of one list, which may come
	// from several fields; default 50 000. The rest is left out, with a defect:
	// a field of "a,a,a" would take a hundred times its size.
	MaxAddresses int

	MaxDefects int // default 100; one more says that there were more

	// Fallback is the charset of unlabelled 8-bit text that is not UTF-8.
	// Empty, or unknown, means windows-1252.
	Fallback string

	// Charset, when set, is asked first for every charset label; a nil result
	// means that the built-in table decides.
	Charset func(label string) encoding.Encoding
}

const (
	defaultDepth     = 100
	defaultParts     = 10_000
	defaultHeader    = 1 << 20
	defaultHeaders   = 16 << 20
	defaultAddresses = 50_000
	defaultDefects   = 100

	// A Content-Type or Content-Transfer-Encoding is read up to here, and so
	// is a boundary.
	maxValue = 16 << 10

	// An encoded embedded message is decoded into memory up to here.
	maxEmbedded = 32 << 20

	// Encoded messages are opened inside each other up to here. Each level is
	// another copy: without a bound, levels that an encoding does not make
	// longer cost the square of the message.
	maxOpened = 4

	noLimit = int(^uint(0) >> 1)
)

// limits returns a copy of o in which every limit is a positive number.
func (o *Options) limits() Options {
	var l Options
	if o != nil {
		l = *o
	}
	l.MaxDepth = limit(l.MaxDepth, defaultDepth)
	l.MaxParts = limit(l.MaxParts, defaultParts)
	l.MaxHeader = limit(l.MaxHeader, defaultHeader)
	l.MaxHeaders = limit(l.MaxHeaders, defaultHeaders)
	l.MaxAddresses = limit(l.MaxAddresses, defaultAddresses)
	l.MaxDefects = limit(l.MaxDefects, defaultDefects)
	return l
}

func limit(v, def int) int {
	switch {
	case v == 0:
		return def
	case v < 0:
		return noLimit
	}
	return v
}

// maxAddresses is the limit for one list.
func (o *Options) maxAddresses() int {
	if o == nil {
		return defaultAddresses
	}
	return limit(o.MaxAddresses, defaultAddresses)
}

// maxDefects is the limit for the defects of one value.
func (o *Options) maxDefects() int {
	if o == nil {
		return defaultDefects
	}
	return limit(o.MaxDefects, defaultDefects)
}
