package transcript_test

import (
	"fmt"

	"github.com/mailwire/mailwire/internal/memnet"
	"github.com/mailwire/mailwire/internal/transcript"
)

func Example() {
	script, err := transcript.Parse("greeting.txt", []byte(`# RFC 5321, section 4.2: the greeting starts with 220.
S: 220 mail.example ...
C: QUIT
S: 221 ...
S: <closed>
`))
	if err != nil {
		fmt.Println(err)
		return
	}

	client, server := memnet.Pipe(memnet.Options{})
	go func() {
		fmt.Fprint(server, "220 mail.example hello\r\n554 go away\r\n")
		server.Close()
	}()
	fmt.Println(script.PlayClient(client, nil))
	// Output:
	// greeting.txt:4: RFC 5321, section 4.2: the greeting starts with 220.
	// want "221 ...\r\n"
	//  got "554 go away\r\n"
	// transcript so far:
	//     S: 220 mail.example hello
	//     C: QUIT
	//     S: 554 go away
}
