package main

import (
	"bytes"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"testing"
)

// screen is what somebody looks at the page on.
type screen struct {
	name          string
	width, height int
	dark          bool
}

func (p *page) look(s screen) {
	p.t.Helper()
	p.do("Emulation.setDeviceMetricsOverride", params{"width": s.width, "height": s.height, "deviceScaleFactor": 1, "mobile": false}, nil)
	scheme := "light"
	if s.dark {
		scheme = "dark"
	}
	p.do("Emulation.setEmulatedMedia", params{"features": []params{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Every page fits every screen, and is drawn. With SANDBOX_SCREENSHOTS set to a
// folder the pictures are kept there, to be looked at.
func TestLayout(t *testing.T) {
	b := startBrowser(t)
	s := start(t)
	for i := range 60 {
		put(t, s.shelf, letter(fmt.Sprintf("Message number %d of the day", i), "A text that is longer than the list has room for, so that it has to be cut somewhere near its end."))
	}
	put(t, s.shelf, "Subject: "+longWord+"\nFrom: "+longWord+"@example.org\nX-"+longWord+": "+longWord+"\n\n"+longWord+" https://example.org/"+longWord+"\n")
	uid := put(t, s.shelf, newsletter, "bob@example.org")
	p := b.page()
	for _, view := range []screen{{"wide", 1200, 850, false}, {"dark", 1200, 850, true}, {"phone", 360, 740, false}} {
		p.look(view)
		for name, path := range map[string]string{
			"list": "/", "search": "/?q=number+1", "nothing": "/?q=absent", "html": fmt.Sprintf("/messages/%d", uid), "long": fmt.Sprintf("/messages/%d", uid-1),
			"text": fmt.Sprintf("/messages/%d?view=text", uid), "links": fmt.Sprintf("/messages/%d?view=links", uid-1), "headers": fmt.Sprintf("/messages/%d?view=headers", uid-1),
			"parts": fmt.Sprintf("/messages/%d?view=parts", uid), "envelope": fmt.Sprintf("/messages/%d?view=envelope", uid), "source": fmt.Sprintf("/messages/%d?view=source", uid-1),
		} {
			p.open(s.url(path))
			var width int
			if p.eval("document.documentElement.scrollWidth", &width); width > view.width {
				t.Errorf("%s, %s: the page is %d wide and the screen %d", name, view.name, width, view.width)
			}
			if dir := os.Getenv("SANDBOX_SCREENSHOTS"); dir != "" {
				picture := p.screenshot()
				if config, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil || config.Width != view.width {
					t.Errorf("%s, %s: %v, %v", name, view.name, config, err)
				}
				if err := os.WriteFile(filepath.Join(dir, name+"-"+view.name+".png"), picture, 0o644); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

const longWord = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsvorstandsvorsitzendengattinnenkaffeekränzchen"

// In the dark the page is dark.
func TestDark(t *testing.T) {
	b := startBrowser(t)
	s := start(t)
	p := b.page()
	colours := map[bool]string{}
	for _, dark := range []bool{false, true} {
		p.look(screen{"", 800, 600, dark})
		p.open(s.url("/"))
		var got string
		p.eval("(s => s.color + ' on ' + s.backgroundColor)(getComputedStyle(document.body))", &got)
		colours[dark] = got
	}
	if colours[false] == colours[true] {
		t.Errorf("light and dark are both %s", colours[false])
	}
}

// An open list takes in what comes, by itself, and its buttons work under the
// policies that the page has.
func TestLivePage(t *testing.T) {
	b := startBrowser(t)
	s := start(t)
	p := b.page()
	p.open(s.url("/"))
	first := put(t, s.shelf, letter("first", "x"))
	var news string
	p.eval(fmt.Sprintf(`new Promise(done => {
		const look = () => document.getElementById("m%d") && document.getElementById("news").textContent;
		if (look()) return done(look());
		new MutationObserver(() => look() && done(look())).observe(document.documentElement, {subtree: true, childList: true, characterData: true});
	})`, first), &news)
	if news != "1 message – Mail sandbox" {
		t.Errorf("a screen reader hears %q", news)
	}
	put(t, s.shelf, letter("second", "x"))

	p.open(s.url(fmt.Sprintf("/messages/%d", first)))
	p.eval(`void document.querySelector("form[action$=delete] button").click()`, nil)
	p.loaded()
	if got := subjects(s.shelf); len(got) != 1 || got[0] != "second" {
		t.Errorf("after one was deleted: %q", got)
	}
	p.eval(`void document.querySelector("form[action='/clear'] button").click()`, nil)
	p.loaded()
	var where string
	if p.eval("location.pathname", &where); where != "/" || len(subjects(s.shelf)) != 0 {
		t.Errorf("after the list was cleared: %s with %q", where, subjects(s.shelf))
	}
}
