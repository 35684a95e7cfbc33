package memnet_test

import (
	"bufio"
	"context"
	"fmt"

	"github.com/mailwire/mailwire/internal/memnet"
)

func Example() {
	l := memnet.Listen(memnet.Options{
		ToClient: memnet.Flow{Chunk: memnet.Chunks(1)}, // the client reads octet by octet
	})
	go func() {
		c, _ := l.Accept()
		defer c.Close()
		fmt.Fprintf(c, "220 hello %s\r\n", c.RemoteAddr())
	}()

	c, _ := l.Dial(context.Background())
	line, _ := bufio.NewReader(c).ReadString('\n')
	fmt.Printf("%q\n", line)
	fmt.Println(c.(*memnet.Conn).Received().Writes, "write")
	// Output:
	// "220 hello 192.0.2.1:49152\r\n"
	// 1 write
}
