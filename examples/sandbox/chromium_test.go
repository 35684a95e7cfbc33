package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
	"time"
)

// browser is a Chromium without a window, driven by its DevTools protocol over a
// pair of pipes: JSON messages with a NUL behind each.
type browser struct {
	t      *testing.T
	ctx    context.Context // ends with the browser's time
	in     *os.File
	out    *bufio.Reader
	calls  int
	events []message // that nobody has waited for
}

type message struct {
	ID        int             `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     json.RawMessage `json:"error"`
}

// browserTime is when a browser that hangs is ended.
const browserTime = 5 * time.Minute

func startBrowser(t *testing.T) *browser {
	t.Helper()
	name := program(t, "chromium")
	// Not t.TempDir: processes of the browser may write there for a moment after its end.
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(profile) })
	ctx, cancel := context.WithTimeout(context.Background(), browserTime)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-extensions", "--disable-sync",
		"--hide-scrollbars", "--window-size=1200,850", "--remote-debugging-pipe", "--user-data-dir="+profile)
	cmd.WaitDelay = 10 * time.Second
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4 for the browser
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	t.Cleanup(func() { // the end of its input ends the browser
		in.Close()
		cmd.Wait()
		out.Close()
	})
	return &browser{t: t, ctx: ctx, in: in, out: bufio.NewReader(out)}
}

// run runs a subtest with the browser.
func (b *browser) run(t *testing.T, name string, f func()) {
	t.Run(name, func(sub *testing.T) {
		b.t = sub
		defer func() { b.t = t }()
		f()
	})
}

// read returns the next message of the browser.
func (b *browser) read() message {
	b.t.Helper()
	line, err := b.out.ReadBytes(0)
	if err != nil {
		b.t.Fatalf("the browser ended: %v", err)
	}
	var m message
	if err := json.Unmarshal(bytes.TrimSuffix(line, []byte{0}), &m); err != nil {
		b.t.Fatalf("%q: %v", line, err)
	}
	return m
}

type params map[string]any

// call has the browser do something and unmarshals what it answers into result,
// unless that is nil.
func (b *browser) call(session, method string, p params, result any) {
	b.t.Helper()
	b.calls++
	line, err := json.Marshal(map[string]any{"id": b.calls, "sessionId": session, "method": method, "params": p})
	if session == "" {
		line, err = json.Marshal(map[string]any{"id": b.calls, "method": method, "params": p})
	}
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(line, 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		m := b.read()
		switch {
		case m.ID == 0:
			b.events = append(b.events, m)
			continue
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error)
		case result != nil:
			if err := json.Unmarshal(m.Result, result); err != nil {
				b.t.Fatalf("%s: %v in %s", method, err, m.Result)
			}
		}
		return
	}
}

// page is a tab.
type page struct {
	*browser
	target, session string
	frame, loader   string // of the document that is open
}

func (b *browser) page() *page {
	b.t.Helper()
	var target struct{ TargetID string }
	b.call("", "Target.createTarget", params{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("", "Target.attachToTarget", params{"targetId": target.TargetID, "flatten": true}, &attached)
	p := &page{browser: b, target: target.TargetID, session: attached.SessionID}
	p.do("Page.enable", nil, nil)
	p.do("Page.setLifecycleEventsEnabled", params{"enabled": true}, nil)
	return p
}

func (p *page) do(method string, args params, result any) {
	p.t.Helper()
	p.call(p.session, method, args, result)
}

// open goes to an address and returns when all that belongs to it has been loaded.
// A window that the page before has opened must not hide this one: browsers do
// less for what nobody sees.
func (p *page) open(url string) {
	p.t.Helper()
	p.do("Page.bringToFront", nil, nil)
	p.events = nil
	var to struct{ FrameID, LoaderID string }
	p.do("Page.navigate", params{"url": url}, &to)
	p.frame = to.FrameID
	p.awaitLoad(func(loader string) bool { return loader == to.LoaderID })
}

// loaded waits until another document than the one that is open has been loaded.
func (p *page) loaded() {
	p.t.Helper()
	p.awaitLoad(func(loader string) bool { return loader != p.loader })
}

// awaitLoad waits for the load event of a document of the page itself. Documents
// have loaders, which tell the late event of the last one from that of the next.
func (p *page) awaitLoad(which func(loader string) bool) {
	p.t.Helper()
	for {
		for i, m := range p.events {
			var event struct{ FrameID, LoaderID, Name string }
			if m.SessionID != p.session || m.Method != "Page.lifecycleEvent" {
				continue
			}
			if err := json.Unmarshal(m.Params, &event); err != nil {
				p.t.Fatal(err)
			}
			if event.Name == "load" && event.FrameID == p.frame && which(event.LoaderID) {
				p.loader, p.events = event.LoaderID, p.events[i+1:]
				return
			}
		}
		p.events = append(p.events[:0], p.read())
	}
}

// eval runs a script in the page, waits for its promise and unmarshals its value.
func (p *page) eval(script string, value any) {
	p.t.Helper()
	var got struct {
		Result struct {
			Value       json.RawMessage
			Description string
		}
		ExceptionDetails json.RawMessage
	}
	p.do("Runtime.evaluate", params{"expression": script, "awaitPromise": true, "returnByValue": true}, &got)
	if got.ExceptionDetails != nil {
		p.t.Fatalf("%s: %s", script, got.ExceptionDetails)
	}
	if value != nil {
		if err := json.Unmarshal(got.Result.Value, value); err != nil {
			p.t.Fatalf("%s: %v in %s", script, err, got.Result.Value)
		}
	}
}

func (p *page) documentTitle() (title string) {
	p.t.Helper()
	p.eval("document.title", &title)
	return title
}

// title is what the tab is called, also where scripts may not run.
func (p *page) title() string {
	p.t.Helper()
	var info struct{ TargetInfo struct{ Title string } }
	p.call("", "Target.getTargetInfo", params{"targetId": p.target}, &info)
	return info.TargetInfo.Title
}

// click presses the mouse in a place and lets it go, as a person does: when
// there is something to be seen. Before that browsers drop clicks.
func (p *page) click(x, y float64) {
	p.t.Helper()
	p.screenshot()
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.do("Input.dispatchMouseEvent", params{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil)
	}
}

// screenshot draws the page and returns it as PNG.
func (p *page) screenshot() []byte {
	p.t.Helper()
	var shot struct{ Data []byte }
	p.do("Page.captureScreenshot", params{"format": "png"}, &shot)
	return shot.Data
}
