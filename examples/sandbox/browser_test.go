package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// attack is a document that wants something to happen because it is looked at,
// or clicked. HIT is an address of the canary; OWN is a script that names the
// document, and the page around it, and asks for HIT.
type attack struct {
	name, html string
	click      bool
	alone      bool // a person may do it with the document opened by itself
}

const own = `document.title='owned';try{top.document.title='owned'}catch(e){};new Image().src='HIT';void 0`

const cover = `style="position:fixed;inset:0;width:100%;height:100%;display:block"`

var attacks = []attack{
	{name: "script", html: `<script>OWN</script>`},
	{name: "script-src", html: `<script src="HIT"></script>`},
	{name: "module", html: `<script type="module">OWN</script>`},
	{name: "onerror", html: `<img src="data:," onerror="OWN">`},
	{name: "onload", html: `<body onload="OWN">`},
	{name: "svg-onload", html: `<svg onload="OWN"></svg>`},
	{name: "svg-script", html: `<svg><script>OWN</script></svg>`},
	{name: "ontoggle", html: `<details open ontoggle="OWN">x</details>`},
	{name: "animation", html: `<style>@keyframes a{}</style><p style="animation:a 1s" onanimationstart="OWN">x</p>`},
	{name: "srcdoc", html: `<iframe srcdoc="&lt;script>OWN&lt;/script>"></iframe>`},
	{name: "javascript-frame", html: `<iframe src="javascript:OWN"></iframe>`},
	{name: "data-frame", html: `<iframe src="data:text/html,<script>OWN</script>"></iframe>`},
	{name: "javascript-link", html: `<a href="javascript:OWN" ` + cover + `>x</a>`, click: true},
	{name: "onclick", html: `<p onclick="OWN" ` + cover + `>x</p>`, click: true},
	{name: "refresh", html: `<meta http-equiv="refresh" content="0;url=HIT">`},
	{name: "form", html: `<form action="HIT"><button ` + cover + `>x</button></form>`, click: true},
	{name: "form-post", html: `<form action="HIT" method="post" target="_blank"><button ` + cover + `>x</button></form>`, click: true},
	{name: "link", html: `<a href="HIT" ` + cover + `>x</a>`, click: true, alone: true},
	{name: "link-top", html: `<a href="HIT" target="_top" ` + cover + `>x</a>`, click: true, alone: true},
	{name: "link-window", html: `<a href="HIT" target="_blank" ` + cover + `>x</a>`, click: true},
	{name: "image", html: `<img src="HIT">`},
	{name: "base", html: `<base href="HIT/"><img src="x">`},
	{name: "stylesheet", html: `<link rel="stylesheet" href="HIT">`},
	{name: "import", html: `<style>@import url("HIT");</style>`},
	{name: "background", html: `<p style="background:url(HIT)">x</p>`},
	{name: "font", html: `<style>@font-face{font-family:f;src:url(HIT)}</style><p style="font-family:f">x</p>`},
	{name: "frame", html: `<iframe src="HIT"></iframe>`},
	{name: "object", html: `<object data="HIT"></object>`},
	{name: "embed", html: `<embed src="HIT">`},
	{name: "video", html: `<video src="HIT" autoplay></video>`},
	{name: "svg-image", html: `<svg><image href="HIT"/></svg>`},
	{name: "preload", html: `<link rel="preload" as="image" href="HIT">`},
	{name: "prefetch", html: `<link rel="prefetch" href="HIT">`},
}

// canary is another site. It counts who asks for a HIT, and serves the attacks
// as a site would that takes no care.
type canary struct {
	*httptest.Server
	mu   sync.Mutex
	hits map[string]int
	news chan struct{} // has room for one: there are hits
}

func newCanary(t *testing.T) *canary {
	c := &canary{hits: make(map[string]int), news: make(chan struct{}, 1)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		kind, name, _ := strings.Cut(r.URL.Path[1:], "/")
		name, _, _ = strings.Cut(name, "/")
		switch kind {
		case "hit":
			c.mu.Lock()
			c.hits[name]++
			c.mu.Unlock()
			select {
			case c.news <- struct{}{}:
			default:
			}
		case "careless":
			for _, a := range attacks {
				if a.name == name {
					fmt.Fprint(rw, "<!doctype html><title>careless</title>", c.armed(a))
				}
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// armed is an attack on this canary.
func (c *canary) armed(a attack) string {
	return strings.ReplaceAll(strings.ReplaceAll(a.html, "OWN", own), "HIT", c.URL+"/hit/"+a.name)
}

func (c *canary) count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hits[name]
}

// await waits for a hit.
func (c *canary) await(b *browser, name string) {
	b.t.Helper()
	for c.count(name) == 0 {
		select {
		case <-c.news:
		case <-b.ctx.Done():
			b.t.Fatalf("%s: nothing happens", name)
		}
	}
}

// settle lets the page and its frames do what they may have begun: run tasks,
// draw, answer clicks. It makes the test see more, and never fail.
func (p *page) settle() {
	p.t.Helper()
	p.screenshot()
	p.screenshot()
}

// What does harm on a careless site does none in the sandbox. The careless site
// comes first, so that every attack is known to work in this browser.
func TestHostileHTML(t *testing.T) {
	b := startBrowser(t)
	p := b.page()
	control := newCanary(t)
	for _, a := range attacks {
		b.run(t, "careless/"+a.name, func() { p.careless(control, a) })
	}

	s, c := start(t), newCanary(t) // another one: nothing of the first is late here
	for _, a := range attacks {
		b.run(t, "sandbox/"+a.name, func() { p.sandboxed(s, c, a) })
	}
	p.open(s.url("/"))
	p.settle()
	if got := p.documentTitle(); !strings.HasSuffix(got, "– Mail sandbox") {
		t.Errorf("the title of the list is %q", got)
	}
	p.open(c.URL + "/careless/script") // the canary still sings
	c.await(b, "script")
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, n := range c.hits {
		if name != "script" || n > 1 {
			t.Errorf("%s: %d requests left the sandbox", name, n)
		}
	}
}

// careless opens the attack on a site that takes no care of it.
func (p *page) careless(c *canary, a attack) {
	p.open(c.URL + "/careless/" + a.name)
	if a.click {
		p.click(100, 100)
	}
	c.await(p.browser, a.name)
	if strings.Contains(a.html, "OWN") && a.name != "data-frame" && p.documentTitle() != "owned" {
		p.t.Errorf("the script has run and the title is %q", p.documentTitle())
	}
}

// sandboxed opens a message that has the attack as its HTML, and as subject and
// sender, in every way there is.
func (p *page) sandboxed(s *running, c *canary, a attack) {
	html := c.armed(a)
	uid := put(p.t, s.shelf, "From: \""+strings.ReplaceAll(html, `"`, "'")+"\" <a@example.org>\nSubject: "+html+"\nContent-Type: text/html\n\n"+html+"\n")
	target := fmt.Sprintf("/messages/%d", uid)
	views := []string{""}
	if a.name == "script" || a.name == "onerror" { // one of each kind: an element, an attribute
		views = []string{"?view=text", "?view=links", "?view=headers", "?view=parts", "?view=source", ""}
	}
	for _, view := range views {
		p.open(s.url(target + view))
		if got := p.documentTitle(); got != html {
			p.t.Errorf("%s: the title is %q, want %q", view, got, html)
		}
	}
	if a.click {
		var at struct{ X, Y float64 }
		p.eval(`(() => { const r = document.querySelector("iframe").getBoundingClientRect(); return {X: r.x + r.width/2, Y: r.y + r.height/2} })()`, &at)
		p.click(at.X, at.Y)
	}
	p.settle()
	if got := p.documentTitle(); got != html {
		p.t.Errorf("the title has become %q", got)
	}
	var where string
	if p.eval("location.pathname", &where); where != target {
		p.t.Errorf("the page has become %s", where)
	}

	p.open(s.url(target + "/html"))
	if a.click && !a.alone {
		p.click(100, 100)
	}
	p.settle()
	if got := p.title(); got == "owned" {
		p.t.Errorf("opened alone, the script has run")
	}
}
