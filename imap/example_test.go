package imap_test

import (
	"fmt"
	"strings"

	"github.com/mailwire/mailwire/imap"
)

// A session without a connection: two commands, and what is answered.
func ExampleServerSession() {
	s := new(imap.ServerSession)
	var e imap.Encoder
	e.Reply(s.Greet(imap.Status{Kind: imap.PREAUTH, Text: "ready"}, true))
	r := imap.NewReader(strings.NewReader("a SELECT inbox\r\nb FETCH 1:* (FLAGS)\r\n"))
	for range 2 {
		piece, err := r.Next(s.Bounds())
		if err != nil {
			fmt.Println(err)
			return
		}
		switch ev := s.Step(piece.Command).(type) {
		case *imap.SelectEvent:
			e.Exists(3)
		case *imap.CommandEvent:
			args := ev.Args.(*imap.FetchArgs)
			for n := range args.Ref.Seq.Resolve(3).All() {
				e.BeginFetch(n)
				e.FetchFlags([]imap.Flag{imap.FlagSeen})
				e.EndFetch()
			}
		}
		e.Reply(s.Settle(imap.Status{Text: "done"}))
	}
	fmt.Print(strings.ReplaceAll(string(e.Bytes()), "\r\n", "\n"))
	// Output:
	// * PREAUTH [CAPABILITY IMAP4rev1 IMAP4rev2] ready
	// * 3 EXISTS
	// a OK [READ-WRITE] done
	// * 1 FETCH (FLAGS (\Seen))
	// * 2 FETCH (FLAGS (\Seen))
	// * 3 FETCH (FLAGS (\Seen))
	// b OK done
}

// What may be sent, and what comes back.
func ExampleClientSession() {
	s := new(imap.ClientSession)
	s.Start(true)
	s.Step([]byte("* PREAUTH [CAPABILITY IMAP4rev1] ready"))
	out, err := s.Send("STATUS", &imap.StatusArgs{Mailbox: "Entw\u00fcrfe", Items: imap.StatusItems{"MESSAGES"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.TrimSpace(string(out.Bytes())))
	for _, line := range []string{"* STATUS Entw&APw-rfe (MESSAGES 17)", "A1 OK done"} {
		ev, err := s.Step([]byte(line))
		switch ev := ev.(type) {
		case *imap.Data:
			st := ev.Value.(*imap.MailboxStatus)
			fmt.Println(st.Mailbox, "has", st.Messages)
		case *imap.Done:
			fmt.Println(ev.Command.Name(), ev.Status, err)
		}
	}
	// Output:
	// A1 STATUS Entw&APw-rfe (MESSAGES)
	// Entwürfe has 17
	// STATUS OK done <nil>
}

func ExampleParseNumSet() {
	s, err := imap.ParseNumSet[imap.UID]([]byte("7,4:2,9:*"))
	fmt.Println(s, err, s.Resolve(8))
	// Output: 2:4,7,9:* <nil> 2:4,7:8
}

func ExampleAppendUTF7() {
	fmt.Printf("%s\n", imap.AppendUTF7(nil, "R&D/\u53f0\u5317"))
	// Output: R&-D/&U,BTFw-
}

func ExamplePattern() {
	p := imap.ParsePattern("lists/%", '/')
	fmt.Println(p.Match("lists/go"), p.Match("lists/go/announce"))
	// Output: true false
}

// An extension is one value.
func ExampleFeature() {
	score := &imap.Feature{
		Name: "X-SCORE",
		Fetch: []imap.FetchSpec{{Name: "X-SCORE", Value: imap.Value{
			Parse:  func(p *imap.Parser) any { return p.Number() },
			Append: func(e *imap.Encoder, v any) { e.Number(uint64(v.(uint32))) },
		}}},
	}
	p := imap.NewParser([]byte("a FETCH 1 (X-SCORE)"))
	p.Grammar = imap.NewGrammar(append(imap.Features(), score)...)
	c, err := p.ParseCommand()
	fmt.Println(c.Name(), c.Args.(*imap.FetchArgs).Items[0].Name, err)
	// Output: FETCH X-SCORE <nil>
}
