package mime

import "strings"

// Views are the parts that a mail program shows, by the algorithm of RFC 8621,
// section 4.1.4: Text and HTML are the bodies to display, either may hold parts
// of the other kind where the message has no alternative. Embedded messages are
// attachments. Calendar holds text/calendar parts wherever they are.
type Views struct{ Text, HTML, Attachments, Calendar []Part }

// Views sorts the parts; it reads the headers of all of them.
func (m *Message) Views() Views {
	v := viewer{text: list{on: true}, html: list{on: true}}
	v.walk([]Part{m.Root()}, "mixed", false)
	return Views{Text: v.text.parts, HTML: v.html.parts, Attachments: v.attachments, Calendar: v.calendar}
}

// A list may be switched off for a branch in which its kind was found not to be.
type list struct {
	parts []Part
	on    bool
}

type viewer struct {
	text, html            list
	attachments, calendar []Part
}

func (v *viewer) walk(parts []Part, multipart string, alternative bool) {
	texts, htmls := len(v.text.parts), len(v.html.parts)
	textOn, htmlOn := v.text.on, v.html.on
	for i, p := range parts {
		if p.Kind() == Multipart {
			_, sub := p.typeNames()
			sub = lower(sub)
			var kids []Part
			for c := range p.Children() {
				kids = append(kids, c)
			}
			// What a branch switches off is off for that branch.
			t, h := v.text.on, v.html.on
			v.walk(kids, sub, alternative || sub == "alternative")
			v.text.on, v.html.on = t, h
			continue
		}
		v.leaf(p, i, multipart, alternative)
	}
	v.text.on, v.html.on = textOn, htmlOn
	if multipart == "alternative" && textOn && htmlOn {
		newText, newHTML := v.text.parts[texts:], v.html.parts[htmls:]
		switch {
		case len(newText) == 0 && len(newHTML) > 0:
			v.text.parts = append(v.text.parts, newHTML...)
		case len(newHTML) == 0 && len(newText) > 0:
			v.html.parts = append(v.html.parts, newText...)
		}
	}
}

func (v *viewer) leaf(p Part, i int, multipart string, alternative bool) {
	typ, sub := p.typeNames()
	typ, sub = lower(typ), lower(sub)
	media := typ == "image" || typ == "audio" || typ == "video"
	plain, html := typ == "text" && sub == "plain", typ == "text" && sub == "html"
	if typ == "text" && sub == "calendar" {
		v.calendar = append(v.calendar, p)
	}
	inline := p.Kind() != Embedded && (plain || html || media)
	if inline {
		d := p.Disposition()
		inline = d.Type != "attachment" && (i == 0 || multipart != "related" && (media || p.filename(d) == ""))
	}
	switch {
	case !inline:
		v.attachments = append(v.attachments, p)
		return
	case multipart == "alternative":
		switch {
		case plain && v.text.on:
			v.text.parts = append(v.text.parts, p)
		case html && v.html.on:
			v.html.parts = append(v.html.parts, p)
		case !plain && !html:
			v.attachments = append(v.attachments, p)
		}
		return
	case alternative && plain:
		v.html.on = false
	case alternative && html:
		v.text.on = false
	}
	if v.text.on {
		v.text.parts = append(v.text.parts, p)
	}
	if v.html.on {
		v.html.parts = append(v.html.parts, p)
	}
	if (!v.text.on || !v.html.on) && media {
		v.attachments = append(v.attachments, p)
	}
}

// HasAttachment reports whether there is an attachment that is not shown by its
// Content-ID inside an HTML body.
func (m *Message) HasAttachment() bool {
	v := m.Views()
	for _, p := range v.Attachments {
		up, ok := p.Parent()
		related := ok && up.Is("multipart/related")
		if !related || p.ContentID() == "" || p.Disposition().Type == "attachment" {
			return true
		}
	}
	return false
}

// Security is a kind of protection that a message shows, not one that holds.
type Security uint8

const (
	SecurityNone   Security = iota // none that shows
	SMIMESigned                    // RFC 8551
	SMIMEEncrypted                 // RFC 8551
	PGPSigned                      // RFC 3156
	PGPEncrypted                   // RFC 3156
	PGPInline                      // armour in the text, RFC 4880, section 6.2
)

// String returns the name of the constant.
func (s Security) String() string {
	names := [...]string{"SecurityNone", "SMIMESigned", "SMIMEEncrypted", "PGPSigned", "PGPEncrypted", "PGPInline"}
	if int(s) < len(names) {
		return names[s]
	}
	return "Security(?)"
}

// Security says what protection the message shows; nothing is verified. Of
// several it is that of the outermost part.
func (m *Message) Security() Security {
	for p := range m.Parts() {
		if s := p.security(); s != SecurityNone {
			return s
		}
	}
	return SecurityNone
}

func (p Part) security() Security {
	switch {
	case p.Is("multipart/signed"):
		switch p.protocol(p.rec().children) {
		case "application/pgp-signature":
			return PGPSigned
		case "application/pkcs7-signature", "application/x-pkcs7-signature":
			return SMIMESigned
		}
	case p.Is("multipart/encrypted"):
		if p.protocol(1) == "application/pgp-encrypted" {
			return PGPEncrypted
		}
	case p.Is("application/pkcs7-mime"), p.Is("application/x-pkcs7-mime"):
		return p.pkcs7()
	case p.Is("application/octet-stream"): // what some agents make of S/MIME
		if name := lower(p.Filename()); strings.HasSuffix(name, ".p7m") {
			return p.pkcs7()
		}
	case p.Is("text/plain"):
		s, _ := p.ReadText(256)
		s = trimSpace(s)
		if strings.HasPrefix(s, "-----BEGIN PGP MESSAGE-----") || strings.HasPrefix(s, "-----BEGIN PGP SIGNED MESSAGE-----") {
			return PGPInline
		}
	}
	return SecurityNone
}

// protocol is that parameter in lower case, or without it the type of child n,
// which has to be the same: RFC 1847, sections 2.1 and 2.2.
func (p Part) protocol(n int32) string {
	if s := lower(p.Type().Params.Get("protocol")); s != "" {
		return s
	}
	c, ok := p.child(uint32(n))
	if !ok {
		return ""
	}
	typ, sub := c.typeNames()
	return lower(typ + "/" + sub)
}

// pkcs7 goes by smime-type, which is a hint: RFC 8551, section 3.2.2. Without it
// most are encrypted.
func (p Part) pkcs7() Security {
	switch lower(p.Type().Params.Get("smime-type")) {
	case "signed-data", "certs-only":
		return SMIMESigned
	case "compressed-data":
		return SecurityNone
	}
	return SMIMEEncrypted
}
