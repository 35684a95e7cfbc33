package imap

// ListExtended is LIST with selection and return options and many patterns.
var ListExtended = &Feature{
	Name: "LIST-EXTENDED", RFC: 5258,
	Caps: []Cap{CapListExtended, CapRev2},
	Params: []ParamSpec{
		{Where: ListSelect, Name: "SUBSCRIBED"},
		{Where: ListSelect, Name: "REMOTE"},
		{Where: ListSelect, Name: "RECURSIVEMATCH"},
		{Where: ListReturn, Name: "SUBSCRIBED"},
	},
}

// Children is \HasChildren and \HasNoChildren, which LIST tells in any case, and
// the return option that asks for them.
var Children = &Feature{
	Name: "CHILDREN", RFC: 3348,
	Caps:   []Cap{CapChildren, CapListExtended, CapRev2},
	Params: []ParamSpec{{Where: ListReturn, Name: "CHILDREN"}},
}
