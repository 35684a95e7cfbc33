package mime

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailwire/mailwire/internal/ascii"
)

// A Report is a multipart/report: RFC 6522. Type is its report-type in lower
// case: "delivery-status" (RFC 3464), "disposition-notification" (RFC 8098),
// "feedback-report" (RFC 5965). Parts that are missing are zero.
type Report struct {
	Type                   string
	Text, Status, Original Part
}

// Report returns the parts of the report that the message is; false if it is none.
func (m *Message) Report() (Report, bool) {
	root := m.Root()
	if root.Kind() != Multipart || !root.Is("multipart/report") {
		return Report{}, false
	}
	r := Report{Type: lower(root.Type().Params.Get("report-type"))}
	slots := [...]*Part{&r.Text, &r.Status, &r.Original}
	i := 0
	for p := range root.Children() {
		if i < len(slots) {
			*slots[i] = p
			i++
		}
	}
	return r, true
}

// ParseFieldGroups reads the content of a delivery-status, a
// disposition-notification or a feedback-report: groups of fields with empty
// lines between them. What is no field ends it, and so do Options.MaxParts
// groups. It keeps b.
func ParseFieldGroups(b []byte, o *Options) []*Header {
	var groups []*Header
	for most := o.limits().MaxParts; len(groups) < most; {
		for len(b) > 0 && (b[0] == '\n' || b[0] == '\r') {
			b = b[1:]
		}
		h, rest := ParseHeader(b, o)
		if h.Len() == 0 {
			return groups
		}
		groups = append(groups, h)
		b = rest
	}
	return groups
}

// A DeliveryStatus is the content of message/delivery-status: RFC 3464. Values
// keep their type: "dns; mx.example", "rfc822; bob@example.com".
type DeliveryStatus struct {
	ReportingMTA, ReceivedFrom, EnvelopeID string
	Arrival                                time.Time
	Recipients                             []RecipientStatus
}

// A RecipientStatus is what became of one recipient. Action is "failed",
// "delayed", "delivered", "relayed" or "expanded", Status an enhanced code.
type RecipientStatus struct {
	Original, Final, Action, Status, RemoteMTA, Diagnostic string
	LastAttempt, WillRetryUntil                            time.Time
}

// ParseDeliveryStatus reads decoded content. What is missing is zero; dates that
// cannot be read are defects.
func ParseDeliveryStatus(b []byte) (DeliveryStatus, []Defect) {
	var d DeliveryStatus
	var list []Defect
	groups := ParseFieldGroups(b, nil)
	date := func(h *Header, name string) (t time.Time) {
		f, ok := h.Field(name)
		if !ok {
			return
		}
		t, err := ParseDate(f.Value())
		if err != nil {
			list = addDefect(list, defaultDefects, Defect{Kind: DefectBadDate, Note: note(f.Value())})
		}
		return t
	}
	for i, h := range groups {
		if i == 0 && (h.Has("Reporting-MTA") || !h.Has("Final-Recipient")) {
			d.ReportingMTA, d.ReceivedFrom = h.Text("Reporting-MTA"), h.Text("Received-From-MTA")
			d.EnvelopeID, d.Arrival = h.Text("Original-Envelope-Id"), date(h, "Arrival-Date")
			continue
		}
		d.Recipients = append(d.Recipients, RecipientStatus{
			Original: h.Text("Original-Recipient"), Final: h.Text("Final-Recipient"),
			Action: lower(h.Text("Action")), Status: h.Text("Status"),
			RemoteMTA: h.Text("Remote-MTA"), Diagnostic: h.Text("Diagnostic-Code"),
			LastAttempt: date(h, "Last-Attempt-Date"), WillRetryUntil: date(h, "Will-Retry-Until"),
		})
	}
	return d, list
}

// AppendDeliveryStatus appends the content of message/delivery-status. Values
// without a type get that of RFC 3464: dns, rfc822 (utf-8 where it is not
// ASCII, RFC 6533) or smtp. ErrReport, wrapped, without a reporting MTA,
// recipients, a known action or a status; ErrField for CR, LF and NUL.
func AppendDeliveryStatus(dst []byte, d *DeliveryStatus) ([]byte, error) {
	if d.ReportingMTA == "" || len(d.Recipients) == 0 {
		return dst, fmt.Errorf("%w: Reporting-MTA and recipients", ErrReport)
	}
	var w groupWriter
	w.add("Reporting-MTA", typed("dns", d.ReportingMTA))
	w.add("Received-From-MTA", typed("dns", d.ReceivedFrom))
	w.add("Original-Envelope-Id", d.EnvelopeID)
	w.date("Arrival-Date", d.Arrival)
	w.end()
	for _, r := range d.Recipients {
		if r.Final == "" || !goodAction(r.Action) || !goodStatus(r.Status) {
			return dst, fmt.Errorf("%w: recipient %s, action %s, status %s", ErrReport, note(r.Final), note(r.Action), note(r.Status))
		}
		w.add("Original-Recipient", typed("rfc822", r.Original))
		w.add("Final-Recipient", typed("rfc822", r.Final))
		w.add("Action", r.Action)
		w.add("Status", r.Status)
		w.add("Remote-MTA", typed("dns", r.RemoteMTA))
		w.add("Diagnostic-Code", typed("smtp", r.Diagnostic))
		w.date("Last-Attempt-Date", r.LastAttempt)
		w.date("Will-Retry-Until", r.WillRetryUntil)
		w.end()
	}
	if w.err != nil {
		return dst, w.err
	}
	return append(dst, w.out...), nil
}

// A groupWriter writes groups of fields with an empty line between them.
type groupWriter struct {
	h   Header
	out []byte
	err error
}

func (w *groupWriter) add(name, value string) {
	if value == "" || w.err != nil {
		return
	}
	w.err = w.h.Add(name, value)
}

func (w *groupWriter) date(name string, t time.Time) {
	if !t.IsZero() {
		w.add(name, string(AppendDate(nil, t)))
	}
}

func (w *groupWriter) end() {
	if len(w.out) > 0 {
		w.out = append(w.out, "\r\n"...)
	}
	w.out = w.h.Append(w.out)
	w.h = Header{}
}

// typed puts the type in front of a value that has none.
func typed(typ, value string) string {
	if value == "" {
		return ""
	}
	if before, _, ok := strings.Cut(value, ";"); ok && ascii.All(ascii.Token, trimSpace(before)) {
		return value
	}
	if typ == "rfc822" && !ascii.All(ascii.Print, value) {
		typ = "utf-8"
	}
	return typ + "; " + value
}

func goodAction(s string) bool {
	switch s {
	case "failed", "delayed", "delivered", "relayed", "expanded":
		return true
	}
	return false
}

// goodStatus reports whether s is status-code: class 2, 4 or 5, two numbers of
// up to three digits. RFC 3463, section 2.
func goodStatus(s string) bool {
	class, rest, _ := strings.Cut(s, ".")
	subject, detail, ok := strings.Cut(rest, ".")
	number := func(s string) bool { return s != "" && len(s) <= 3 && ascii.All(ascii.Digit, s) }
	return ok && (class == "2" || class == "4" || class == "5") && number(subject) && number(detail)
}
