package imap

// MultiAppend is APPEND of many messages at once. The grammar of APPEND has it;
// the session refuses the second message where it is not offered.
var MultiAppend = &Feature{Name: "MULTIAPPEND", RFC: 3502}
