package mime_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/mailwire/mailwire/mime"
)

// Return a message to its sender.
func ExampleBuilder_Report() {
	original := mime.Parse([]byte(mail), nil)
	status := mime.DeliveryStatus{
		ReportingMTA: "mx.example.com",
		Recipients: []mime.RecipientStatus{{
			Final: "ann@example.org", Action: "failed", Status: "5.1.1", Diagnostic: "550 5.1.1 no such user",
		}},
	}
	b := new(mime.Builder).From(mime.Addr("Mail system", "postmaster@example.com")).To(mime.Addr("", "joerg@example.com")).
		Subject("Undelivered").Report(&status, "Sorry.\n", original, false)
	var out bytes.Buffer
	b.WriteTo(&out)

	r, _ := mime.Parse(out.Bytes(), nil).Report()
	content, _ := r.Status.ReadText(1 << 20)
	fmt.Println(r.Type)
	fmt.Print(strings.ReplaceAll(content, "\r\n", "\n"))
	// Output:
	// delivery-status
	// Reporting-MTA: dns; mx.example.com
	//
	// Final-Recipient: rfc822; ann@example.org
	// Action: failed
	// Status: 5.1.1
	// Diagnostic-Code: smtp; 550 5.1.1 no such user
}

// Read a bounce: which recipients did not get it, and why.
func ExampleParseDeliveryStatus() {
	d, _ := mime.ParseDeliveryStatus([]byte("Reporting-MTA: dns; mx.example.com\r\n\r\n" +
		"Final-Recipient: rfc822; ann@example.org\r\nAction: FAILED\r\nStatus: 5.1.1\r\n"))
	for _, r := range d.Recipients {
		fmt.Println(r.Final, r.Action, r.Status)
	}
	// Output: rfc822; ann@example.org failed 5.1.1
}

// Tell that a message was displayed, and read such a report: RFC 8098.
func ExampleBuilder_ReportFields() {
	original := mime.Parse([]byte(mail), nil)
	var fields mime.Header
	fields.Add("Final-Recipient", "rfc822; ann@example.org")
	fields.Add("Disposition", "manual-action/MDN-sent-manually; displayed")
	b := new(mime.Builder).From(mime.Addr("", "ann@example.org")).To(mime.Addr("", "joerg@example.com")).
		Subject("Seen").ReportFields("disposition-notification", &fields, "I have seen it.\n", original, false)
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		fmt.Println(err)
	}

	r, _ := mime.Parse(out.Bytes(), nil).Report()
	content, _ := r.Status.ReadDecoded(1 << 20)
	fmt.Println(r.Type, r.Original.Type())
	fmt.Println(mime.ParseFieldGroups(content, nil)[0].Get("Disposition"))
	// Output:
	// disposition-notification text/rfc822-headers
	// manual-action/MDN-sent-manually; displayed
}

// Read the fields of a complaint: RFC 5965.
func ExampleParseFieldGroups() {
	groups := mime.ParseFieldGroups([]byte("Feedback-Type: abuse\nUser-Agent: Complaints/1.0\nVersion: 1\n"), nil)
	for _, h := range groups {
		fmt.Println(h.Get("Feedback-Type"), "of version", h.Get("Version"))
	}
	// Output: abuse of version 1
}

// Answer a message: recipients, subject and references follow from it.
func ExampleBuilder_Reply() {
	m := mime.Parse([]byte("From: Ann <ann@example.org>\r\nTo: joerg@example.com, bob@example.org\r\n"+
		"Subject: plans\r\nMessage-ID: <2@example.org>\r\nReferences: <1@example.org>\r\n\r\nWhat now?\r\n"), nil)
	b := new(mime.Builder).From(mime.Addr("", "joerg@example.com")).Reply(m, true).Text("This.\n")
	var out strings.Builder
	if _, err := b.WriteTo(&out); err != nil {
		fmt.Println(err)
	}
	h, _ := mime.ParseHeader([]byte(out.String()), nil)
	for _, name := range []string{"To", "Cc", "Subject", "In-Reply-To", "References"} {
		fmt.Println(name+":", h.Get(name))
	}
	// Output:
	// To: Ann <ann@example.org>
	// Cc: bob@example.org
	// Subject: Re: plans
	// In-Reply-To: <2@example.org>
	// References: <1@example.org> <2@example.org>
}
