package imap

// SearchRes is the saved result: SEARCH RETURN (SAVE), and "$" in any set.
var SearchRes = &Feature{
	Name: "SEARCHRES", RFC: 5182,
	Caps:   []Cap{CapSearchRes, CapRev2},
	Params: []ParamSpec{{Where: SearchReturn, Name: "SAVE", Traits: Saves}},
	Codes:  []CodeSpec{{Name: "NOTSAVED"}},
}
