package imap

// Idle is IDLE: an IdleEvent, and an IdleDone when the client has enough.
var Idle = &Feature{
	Name: "IDLE", RFC: 2177,
	Caps:     []Cap{CapIdle, CapRev2},
	Commands: []CommandSpec{{Name: "IDLE", In: afterLogin, Traits: Alone | Long}},
}
