package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strconv"
	"sync"
)

// The bare loops are no servers: they know nothing of what they answer, and only
// read and write where a server of Go has to. What they cost is the floor under
// the rows, of the kernel and of Go's network poller; nothing in a library can
// take it away.

// serveBare accepts, and runs loop for each connection.
func serveBare(addr, dir, greeting string, loop func(net.Conn) error) error {
	l, err := listen(addr, dir)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if _, err := io.WriteString(c, greeting); err == nil {
				loop(c)
			}
		}()
	}
}

// bareSMTP answers each line with the reply that the load waits for, and content
// when its end has come.
func bareSMTP(addr, dir string) error {
	return serveBare(addr, dir, "220 bare\r\n", func(c net.Conn) error {
		const end = "\r\n.\r\n"
		buf, out := make([]byte, len(end)+64<<10), []byte(nil)
		for content := false; ; {
			n, err := c.Read(buf[len(end):])
			if err != nil {
				return err
			}
			in := buf[len(end):][:n]
			ended := bytes.HasSuffix(buf[:len(end)+n], []byte(end))
			copy(buf, buf[n:n+len(end)]) // the end may come in two reads
			switch {
			case content && !ended:
				continue
			case content:
				content = false
				out = append(out[:0], "250 OK\r\n"...)
			default:
				content = bytes.HasSuffix(in, []byte("DATA\r\n"))
				out = out[:0]
				if bytes.HasPrefix(in, []byte("EHLO")) {
					out = append(out, "250-bare\r\n250-PIPELINING\r\n"...)
				}
				for range bytes.Count(in, []byte("\n")) {
					out = append(out, "250 OK\r\n"...)
				}
				if content {
					copy(out[len(out)-len("250 OK\r\n"):], "354")
				}
			}
			if _, err := c.Write(out); err != nil || bytes.HasPrefix(in, []byte("QUIT")) {
				return err
			}
		}
	})
}

// barePOP3 answers RETR with a message of 4 KiB and everything else with +OK.
func barePOP3(addr, dir string) error {
	message := append(bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog, and sleeps until noon.\r\n"), pop3Message/69), ".\r\n"...)
	message = append([]byte("+OK\r\n"), message...)
	return serveBare(addr, dir, "+OK bare\r\n", func(c net.Conn) error {
		buf, out := make([]byte, 4<<10), []byte(nil)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return err
			}
			out = out[:0]
			for line := range bytes.Lines(buf[:n]) {
				if bytes.HasPrefix(line, []byte("RETR")) {
					out = append(out, message...)
				} else {
					out = append(out, "+OK\r\n"...)
				}
			}
			if _, err := c.Write(out); err != nil {
				return err
			}
		}
	})
}

// bareCommands answers each command of IMAP with x OK, and takes the literal of
// one: that of APPEND is news for all connections inside IDLE.
func bareCommands(addr, dir string) error {
	var mu sync.Mutex
	var idle []net.Conn
	return serveBare(addr, dir, "* OK bare\r\n", func(c net.Conn) error {
		r, out := bufio.NewReaderSize(c, 16<<10), []byte(nil)
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return err
			}
			if head, announces := bytes.CutSuffix(line, []byte("+}\r\n")); announces {
				n, _ := strconv.Atoi(string(head[bytes.LastIndexByte(head, '{')+1:]))
				if _, err := r.Discard(n + len("\r\n")); err != nil {
					return err
				}
				mu.Lock()
				for _, c := range idle {
					io.WriteString(c, "* 1 EXISTS\r\n")
				}
				mu.Unlock()
			}
			if bytes.HasSuffix(line, []byte("IDLE\r\n")) {
				mu.Lock()
				idle = append(idle, c)
				mu.Unlock()
			}
			if out = append(out, "x OK\r\n"...); r.Buffered() > 0 {
				continue
			}
			if _, err := c.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	})
}
