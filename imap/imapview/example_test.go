package imapview_test

import (
	"fmt"

	"github.com/mailwire/mailwire/imap"
	"github.com/mailwire/mailwire/imap/imapview"
)

// Another session removes a message and adds one, while this one uses numbers.
func Example() {
	v := imapview.New(imap.NumSetOf[imap.UID](10, 20, 30), 31, imapview.Options{})
	v.Push(imapview.Change{Kind: imapview.Removed, UIDs: imap.NumSetOf[imap.UID](10)})
	v.Push(imapview.Change{Kind: imapview.Added, UIDs: imap.NumSetOf[imap.UID](31)})

	tell := func(u imapview.Update) {
		switch {
		case u.Expunge != 0:
			fmt.Printf("* %d EXPUNGE\n", u.Expunge)
		case u.Exists != 0:
			fmt.Printf("* %d EXISTS\n", u.Exists)
		}
	}
	live, gone, _ := v.Resolve(imap.Seqs(1, 2))
	fmt.Println("FETCH 1:2 means", live, "and", gone, "which is gone")
	v.Flush(imap.TellNoExpunge, tell)
	fmt.Println("NOOP")
	v.Flush(imap.TellAll, tell)
	// Output:
	// FETCH 1:2 means 20 and 10 which is gone
	// * 4 EXISTS
	// NOOP
	// * 1 EXPUNGE
}
