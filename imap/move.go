package imap

// Move is MOVE. Its Args are CopyArgs.
var Move = &Feature{
	Name: "MOVE", RFC: 6851,
	Caps: []Cap{CapMove, CapRev2},
	Commands: []CommandSpec{{
		Name: "MOVE", In: whileSelected, UID: true, Traits: UsesSeq | BreaksSeq | Writes | Long,
		Parse: parseCopy, Append: appendCopy, Sample: sampleCopy,
	}},
}
