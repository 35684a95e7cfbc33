package mime

import "slices"

// Report makes the message a delivery report: RFC 3464. human is for people; of
// the original the header is returned, or with full the whole, and nothing if
// it is nil. Text, HTML and attachments are then not used.
func (b *Builder) Report(d *DeliveryStatus, human string, original *Message, full bool) *Builder {
	status, err := AppendDeliveryStatus(nil, d)
	if err != nil {
		b.fail(err)
		return b
	}
	kind := "delivery-status"
	if hasHigh(status) {
		kind = "global-delivery-status"
	}
	return b.reportParts("delivery-status", kind, human, status, original, full)
}

// ReportFields makes the message a report of another kind, with fields instead
// of a status: "disposition-notification" (RFC 8098), "feedback-report" (RFC
// 5965). See Report.
func (b *Builder) ReportFields(kind string, fields *Header, human string, original *Message, full bool) *Builder {
	return b.reportParts(kind, kind, human, fields.Append(nil), original, full)
}

func (b *Builder) reportParts(kind, subtype, human string, status []byte, original *Message, full bool) *Builder {
	text := textEntity(plainField, human)
	text.Body = slices.Clone(text.Body)
	part := b.leaf(MediaType{Type: "message", Subtype: subtype}, MediaType{})
	part.Body = status
	b.report = b.leaf(MediaType{"multipart", "report", Params{{Name: "report-type", Value: kind}}}, MediaType{})
	b.report.Children, b.report.boundary = []*Entity{text, part}, newBoundary()
	switch {
	case original == nil:
	case full:
		b.report.Children = append(b.report.Children, b.embed(original))
	default:
		e := b.leaf(MediaType{Type: "text", Subtype: "rfc822-headers"}, MediaType{})
		e.Body = original.Header().Append(nil)
		b.report.Children = append(b.report.Children, e)
	}
	return b
}
