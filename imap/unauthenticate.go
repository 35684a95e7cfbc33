package imap

// Unauthenticate is UNAUTHENTICATE: an UnauthenticateEvent.
var Unauthenticate = &Feature{
	Name: "UNAUTHENTICATE", RFC: 8437,
	Commands: []CommandSpec{{Name: "UNAUTHENTICATE", In: afterLogin, Traits: BreaksMailbox | Alone}},
}
