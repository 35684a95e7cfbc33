package imap

import "math/rand/v2"

// Compress is COMPRESS: a CompressEvent. The layer itself is the driver's.
var Compress = &Feature{
	Name: "COMPRESS=DEFLATE", RFC: 4978,
	Commands: []CommandSpec{
		{Name: "COMPRESS", In: afterLogin, Traits: Alone, Parse: parseCompress, Append: appendCompress, Sample: sampleCompress},
	},
	Codes: []CodeSpec{{Name: "COMPRESSIONACTIVE"}},
}

// CompressArgs is the argument of COMPRESS. RFC 4978, section 3.
type CompressArgs struct{ Mechanism string } // in upper case

func parseCompress(p *Parser, c *Command) {
	p.SP()
	c.Args = &CompressArgs{upper(p.Atom())}
}

func appendCompress(e *Encoder, v any) {
	if a, ok := argument[*CompressArgs](e, v); ok {
		e.SP()
		e.Atom(a.Mechanism)
	}
}

func sampleCompress(r *rand.Rand, _ bool) any { return &CompressArgs{"DEFLATE"} }
