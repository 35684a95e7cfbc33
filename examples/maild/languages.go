package main

import (
	"strings"

	"github.com/mailwire/mailwire/pop3"
	"github.com/mailwire/mailwire/pop3/pop3server"
)

// Texts of our own in replies of POP3.
const (
	textInUse      = "another session has this maildrop open"
	textLoginDelay = "logged in too recently, wait a while"
)

// languages are those that replies of POP3 can be had in: RFC 6856, section 3.
var languages = []pop3server.Language{
	{Tag: "en", Name: "English"},
	{Tag: "de", Name: "Deutsch", Text: german},
}

// german translates what a person may get to read. What only programs see stays
// as it is, and so do texts with data in them.
func german(r pop3.Reply) string {
	if text, ok := germanTexts[strings.TrimSpace(r.Text)]; ok {
		return text
	}
	return r.Text
}

var germanTexts = map[string]string{
	textInUse:      "das Postfach ist in einer anderen Sitzung offen",
	textLoginDelay: "die letzte Anmeldung ist noch nicht lange genug her",

	"language changed":     "Sprache gewechselt",
	"language not offered": "diese Sprache gibt es hier nicht",
	"unknown command":      "unbekannter Befehl",
	"command not offered":  "diesen Befehl gibt es hier nicht",
	"line too long":        "die Zeile ist zu lang",
	"too many errors":      "zu viele Fehler",

	"log in first":                       "erst anmelden",
	"logged in already":                  "schon angemeldet",
	"authentication failed":              "Name oder Passwort ist falsch",
	"authentication cancelled":           "Anmeldung abgebrochen",
	"authentication is not possible now": "die Anmeldung ist gerade nicht möglich",

	"no such message":                             "diese Nachricht gibt es nicht",
	"message is deleted":                          "die Nachricht ist gelöscht",
	"marked for deletion":                         "zum Löschen vorgemerkt",
	"marks removed":                               "nichts ist mehr zum Löschen vorgemerkt",
	"some deleted messages not removed":           "nicht alles Vorgemerkte konnte gelöscht werden",
	"the message needs UTF8":                      "diese Nachricht braucht UTF8",
	"the maildrop is not available":               "das Postfach ist gerade nicht erreichbar",
	"the maildrop cannot be served":               "das Postfach ist beschädigt",
	"want a message number":                       "eine Nummer fehlt",
	"want a message number and a number of lines": "die Nummer der Nachricht und die Zahl der Zeilen fehlen",
}
