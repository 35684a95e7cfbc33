package imap

import (
	"testing"
)

// TestRFC9051_7_5_2_Envelope is FET-9 to FET-11: groups, routes, what is absent
// and what is empty, and 8-bit octets.
func TestRFC9051_7_5_2_Envelope(t *testing.T) {
	tests := []struct {
		name string
		env  Envelope
		utf8 bool
		want string
	}{
		{"absent and empty", Envelope{Subject: Text{}}, false, `(NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		{"as in the header", Envelope{Date: Text("Mon,  1 (x) Jan 70"), Subject: Text("=?utf-8?q?=C3=A9?="), InReplyTo: Text("<a@b>"), MessageID: Text("<c@d>")}, false,
			`("Mon,  1 (x) Jan 70" "=?utf-8?q?=C3=A9?=" NIL NIL NIL NIL NIL NIL "<a@b>" "<c@d>")`},
		{"group", Envelope{To: []Address{{Mailbox: Text("friends")}, {Name: Text("A \"B\""), Mailbox: Text("a"), Host: Text("x.example")}, {}}}, false,
			`(NIL NIL NIL NIL NIL ((NIL NIL "friends" NIL)("A \"B\"" NIL "a" "x.example")(NIL NIL NIL NIL)) NIL NIL NIL NIL)`},
		{"route and literal", Envelope{From: []Address{{Route: Text("@a,@b"), Mailbox: Text("u"), Host: Text("[192.0.2.1]")}}}, false,
			`(NIL NIL ((NIL "@a,@b" "u" "[192.0.2.1]")) NIL NIL NIL NIL NIL NIL NIL)`},
		{"8-bit", Envelope{Subject: Text("\xc3\xa9\xff")}, false, "(NIL {3}\r\n\xc3\xa9\xff NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"8-bit that is no UTF-8", Envelope{Subject: Text("\xff")}, true, "(NIL {1}\r\n\xff NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"UTF-8 agreed on", Envelope{Subject: Text("\u00e9")}, true, "(NIL \"\u00e9\" NIL NIL NIL NIL NIL NIL NIL NIL)"},
		{"NUL", Envelope{Subject: Text("a\x00")}, true, "(NIL {2}\r\na\x80 NIL NIL NIL NIL NIL NIL NIL NIL)"},
	}
	for _, tt := range tests {
		e := Encoder{Rev2: tt.utf8}
		e.Envelope(&tt.env)
		if got := string(e.Bytes()); got != tt.want {
			t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

// TestRFC9051_7_5_2_Body is FET-7 and FET-13, as far as printing goes.
func TestRFC9051_7_5_2_Body(t *testing.T) {
	plain := Body{Type: Text("TEXT"), Subtype: Text("PLAIN"), Params: []BodyParam{{Text("CHARSET"), Text("US-ASCII")}}, Octets: 5, Lines: 1}
	attached := Body{Type: Text("APPLICATION"), Subtype: Text("PDF"), Encoding: Text("BASE64"), Octets: 9, MD5: Text("x"),
		Disposition: &Disposition{Type: Text("attachment")}, Language: []Text{Text("de"), Text("en")}, Location: Text("u")}
	message := Body{Type: Text("MESSAGE"), Subtype: Text("GLOBAL"), Octets: 50, Lines: 3, Envelope: &Envelope{}, Parts: []Body{plain}}
	tests := []struct {
		name     string
		body     Body
		extended bool
		want     string
	}{
		{"text", plain, false, `("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 1)`},
		{"text, extended", plain, true, `("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 1 NIL NIL NIL NIL)`},
		{"attachment", attached, true, `("APPLICATION" "PDF" NIL NIL NIL "BASE64" 9 "x" ("attachment" NIL) ("de" "en") "u")`},
		{"multipart", Body{Type: Text("multipart"), Subtype: Text("MIXED"), Parts: []Body{plain, attached}}, false,
			`(("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 1)("APPLICATION" "PDF" NIL NIL NIL "BASE64" 9) "MIXED")`},
		{"no parts", Body{Type: Text("multipart"), Subtype: Text("MIXED")}, false, `(("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0) "MIXED")`},
		{"message", message, false,
			`("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 50 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 5 1) 3)`},
		{"message without structure", Body{Type: Text("MESSAGE"), Subtype: Text("DELIVERY-STATUS"), Octets: 5}, false, `("MESSAGE" "DELIVERY-STATUS" NIL NIL NIL "7BIT" 5)`},
		{"nothing", Body{}, true, `("" "" NIL NIL NIL "7BIT" 0 NIL NIL NIL NIL)`},
	}
	for _, tt := range tests {
		var e Encoder
		e.BodyStructure(&tt.body, tt.extended)
		if got := string(e.Bytes()); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
		p := NewParser(e.Bytes())
		if p.BodyStructure(); !p.AtEnd() {
			t.Errorf("%s does not parse: %v", tt.name, p.Err())
		}
	}
}

// TestSectionNames is FET-3 to FET-6, as far as names go.
func TestSectionNames(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""}, {"1", "1"}, {"1.2.3", "1.2.3"}, {"header", "HEADER"}, {"1.mime", "1.MIME"}, {"2.text", "2.TEXT"},
		{"1.HEADER.FIELDS.NOT (to \"x y\")", "1.HEADER.FIELDS.NOT (to \"x y\")"},
		{"MIME", "bad"}, {"0", "bad"}, {"1.0", "bad"}, {"1.", "bad"}, {".1", "bad"}, {"1.1.HEADER.FIELDS", "bad"},
		{"HEADER.FIELDS ()", "bad"}, {"4294967296", "bad"}, {"TEXT.1", "bad"}, {"1 ", "bad"},
	} {
		s, err := ParseSection(tt.in)
		if err != nil {
			if tt.want != "bad" {
				t.Errorf("ParseSection(%q): %v", tt.in, err)
			}
			continue
		}
		if got := s.String(); got != tt.want {
			t.Errorf("ParseSection(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	for _, tt := range []struct {
		r         Partial
		size      uint64
		off, want uint64
	}{
		{Partial{0, 5}, 10, 0, 5}, {Partial{8, 5}, 10, 8, 2}, {Partial{10, 5}, 10, 10, 0}, {Partial{99, 5}, 10, 10, 0},
		{Partial{5, 1<<63 - 1}, 10, 5, 5}, {Partial{1<<63 - 1, 1<<63 - 1}, 1<<64 - 1, 1<<63 - 1, 1<<63 - 1}, {Partial{0, 5}, 0, 0, 0},
	} {
		if off, n := tt.r.Slice(tt.size); off != tt.off || n != tt.want {
			t.Errorf("%+v of %d octets: %d from %d, want %d from %d", tt.r, tt.size, n, off, tt.want, tt.off)
		}
	}
}

// TestKnownNames: the codes of RFC 9051, section 7.1, RFC 5530, section 3, and
// of the extensions here are all in the grammar, and every name that a constant
// gives to a capability is one that a Feature, or the session, knows.
func TestKnownNames(t *testing.T) {
	codes := []string{
		"ALERT", "ALREADYEXISTS", "APPENDUID", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "BADCHARSET", "CANNOT", "CAPABILITY",
		"CLIENTBUG", "CLOSED", "CONTACTADMIN", "COPYUID", "CORRUPTION", "EXPIRED", "EXPUNGEISSUED", "HASCHILDREN", "INUSE", "LIMIT",
		"NONEXISTENT", "NOPERM", "NOTSAVED", "OVERQUOTA", "PARSE", "PERMANENTFLAGS", "PRIVACYREQUIRED", "READ-ONLY", "READ-WRITE",
		"SERVERBUG", "TRYCREATE", "UIDNEXT", "UIDNOTSTICKY", "UIDVALIDITY", "UNAVAILABLE", "UNKNOWN-CTE", "UNSEEN", "REFERRAL",
		"HIGHESTMODSEQ", "NOMODSEQ", "MODIFIED", "COMPRESSIONACTIVE", "USEATTR", "TOOBIG", "BADCOMPARATOR", "BADEVENT", "BADURL",
		"UNDEFINED-FILTER", "NOUPDATE", "MAILBOXID", "METADATA", "INPROGRESS", "MESSAGELIMIT", "TOOFEW", "TOOMANY",
		"NOTIFICATIONOVERFLOW", "UIDREQUIRED",
	}
	for _, name := range codes {
		if Full().code(name) == nil {
			t.Errorf("response code %s is not in the grammar", name)
		}
	}
	if len(Full().codes) != len(codes) {
		t.Errorf("the grammar has %d codes, the table %d", len(Full().codes), len(codes))
	}
	for _, f := range Features()[1:] {
		if f.Caps == nil && !f.Always && Cap(f.Name) == "" || f.RFC == 0 {
			t.Errorf("feature %q has no capability, or no RFC", f.Name)
		}
	}
}
