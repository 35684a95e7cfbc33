package imap

// Unselect is UNSELECT: CLOSE that expunges nothing.
var Unselect = &Feature{
	Name: "UNSELECT", RFC: 3691,
	Caps:     []Cap{CapUnselect, CapRev2},
	Commands: []CommandSpec{{Name: "UNSELECT", In: whileSelected, Traits: BreaksMailbox}},
}
