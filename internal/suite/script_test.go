package suite

import (
	"bufio"
	"fmt"
	"net"
	"testing"
)

func TestScript(t *testing.T) {
	Script(t, "testdata/hello.txt", func(c net.Conn) {
		defer c.Close()
		fmt.Fprint(c, "220 x.example\r\n")
		line, err := bufio.NewReader(c).ReadString('\n')
		if line != "QUIT\r\n" || err != nil {
			t.Errorf("%q, %v", line, err)
		}
		fmt.Fprint(c, "221 bye\r\n")
	})
}

func TestScriptServer(t *testing.T) {
	c, err := net.Dial("tcp", ScriptServer(t, "testdata/hello.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r := bufio.NewReader(c)
	if line, err := r.ReadString('\n'); line != "220 x.example\r\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
	fmt.Fprint(c, "QUIT\r\n")
	if line, err := r.ReadString('\n'); line != "221 bye\r\n" || err != nil {
		t.Errorf("%q, %v", line, err)
	}
}
