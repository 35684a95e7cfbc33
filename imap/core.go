package imap

// Core is the grammar of IMAP4rev1 and IMAP4rev2 themselves: RFC 3501 and RFC
// 9051. What IMAP4rev2 took over from extensions is in their Features, which
// are in force where either is offered.
var Core = &Feature{
	Name: "IMAP4REV2", RFC: 9051,
	Always: true,
	Commands: []CommandSpec{
		{Name: "CAPABILITY", In: anyState},
		{Name: "NOOP", In: anyState},
		{Name: "LOGOUT", In: anyState, Traits: BreaksMailbox | Alone},

		{Name: "STARTTLS", In: beforeLogin, Traits: Alone},
		{Name: "AUTHENTICATE", In: beforeLogin, Traits: Alone, Parse: parseAuthenticate, Append: appendAuthenticate, Sample: sampleAuthenticate},
		{Name: "LOGIN", In: beforeLogin, Traits: Alone, Parse: parseLogin, Append: appendLogin, Sample: sampleLogin},

		{Name: "SELECT", In: afterLogin, Traits: BreaksMailbox, Parse: parseSelect, Append: appendSelect, Sample: sampleSelect},
		{Name: "EXAMINE", In: afterLogin, Traits: BreaksMailbox, Parse: parseSelect, Append: appendSelect, Sample: sampleSelect},
		{Name: "CREATE", In: afterLogin, Parse: parseCreate, Append: appendCreate, Sample: sampleCreate},
		{Name: "DELETE", In: afterLogin, Parse: parseMailboxArgs, Append: appendMailboxArgs, Sample: sampleMailboxArgs},
		{Name: "RENAME", In: afterLogin, Parse: parseRename, Append: appendRename, Sample: sampleRename},
		{Name: "SUBSCRIBE", In: afterLogin, Parse: parseMailboxArgs, Append: appendMailboxArgs, Sample: sampleMailboxArgs},
		{Name: "UNSUBSCRIBE", In: afterLogin, Parse: parseMailboxArgs, Append: appendMailboxArgs, Sample: sampleMailboxArgs},
		{Name: "LIST", In: afterLogin, Traits: Long, Parse: parseList, Append: appendList, Sample: sampleList},
		{Name: "LSUB", In: afterLogin, Parse: parseLsub, Append: appendList, Sample: sampleLsub},
		{Name: "STATUS", In: afterLogin, Parse: parseStatus, Append: appendStatus, Sample: sampleStatus},
		{Name: "APPEND", In: afterLogin, Parse: parseAppend, Append: appendAppend, Front: appendFront, Sample: sampleAppend},

		{Name: "CHECK", In: whileSelected},
		{Name: "CLOSE", In: whileSelected, Traits: BreaksMailbox},
		{Name: "EXPUNGE", In: whileSelected, Traits: Writes | ReadsFlags},
		{Name: "SEARCH", In: whileSelected, UID: true, Traits: UsesSeq | Long, Parse: parseSearch, Append: appendSearch, Sample: sampleSearch},
		{Name: "FETCH", In: whileSelected, UID: true, Traits: UsesSeq | Long, Parse: parseFetch, Append: appendFetch, Sample: sampleFetch},
		{Name: "STORE", In: whileSelected, UID: true, Traits: UsesSeq | Writes | WritesFlags | Long, Parse: parseStore, Append: appendStore, Sample: sampleStore},
		{Name: "COPY", In: whileSelected, UID: true, Traits: UsesSeq | BreaksSeq | Long, Parse: parseCopy, Append: appendCopy, Sample: sampleCopy},
	},
	Fetch:  coreFetch,
	Search: concat(coreSearch, nestingSearch),
	Status: coreStatus,
	Data:   coreData,
	Codes:  concat(coreCodes, extensionCodes),
	Enable: []Cap{CapRev2},
}
