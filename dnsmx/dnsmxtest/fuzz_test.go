package dnsmxtest

import (
	"slices"
	"testing"

	"github.com/mailwire/mailwire/dnsmx"
	"golang.org/x/net/dns/dnsmessage"
)

// A zone says the same in memory as in a message, about every name in it and some
// that are not.
func FuzzZone(f *testing.F) {
	f.Add(contract)
	f.Add("a. MX 0 .\n*.a. TXT \"x\" y\nb.a. CNAME c\n!secure a.\n!insecure c.b.a.\n!bogus d.a. A\n!silent e.a.")
	f.Add("a. SOA x y 1 2 3 4 5\na. CNAME a.\nb. 0 A 192.0.2.1\nb. 4294967295 AAAA ::")
	f.Fuzz(func(t *testing.T, text string) {
		z, err := ParseZone(text)
		if err != nil {
			return
		}
		var names []dnsmx.Name
		for n := range z.data.names {
			names = append(names, n)
			if child, err := n.Child("other"); err == nil {
				names = append(names, child)
			}
		}
		for _, n := range names[:min(len(names), 20)] {
			for _, typ := range types {
				if typ != typeSOA {
					compare(t, z, n, typ)
				}
			}
		}
	})
}

func compare(t *testing.T, z *Zone, n dnsmx.Name, typ dnsmx.Type) {
	t.Helper()
	memory, memErr := z.Query(t.Context(), n, typ)
	r := z.answer(n, typ)
	if r.silent {
		if memErr == nil {
			t.Fatalf("%v %v: silent, and answered", typ, n)
		}
		return
	}
	query, err := dnsmx.AppendQuery(nil, 1, n, typ, dnsmx.QueryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	q, ok := readQuery(query)
	if !ok {
		t.Fatalf("%q is not read", query)
	}
	msg, err := r.message(q, true, 65535)
	if err != nil {
		return // a name that is too long with its final dot
	}
	resp, err := dnsmx.ParseResponse(msg, 1, n, typ)
	if resp.TC || err != nil {
		if len(r.Records) <= 256 && !resp.TC {
			t.Fatalf("%v %v: %v of %q", typ, n, err, msg)
		}
		return
	}
	if failed := resp.RCode != dnsmessage.RCodeSuccess && resp.RCode != dnsmessage.RCodeNameError; failed || memErr != nil {
		if !failed || memErr == nil {
			t.Fatalf("%v %v: %v, in memory %v", typ, n, resp.RCode, memErr)
		}
		return
	}
	resp.Answer.Secure = resp.AD
	got, want := describe(resp.Answer, nil), describe(memory, nil)
	if got != want {
		t.Fatalf("%v %v:\nmessage %s\nmemory  %s", typ, n, got, want)
	}
	if !slices.Contains([]dnsmx.Status{dnsmx.Found, dnsmx.NoData, dnsmx.NXDomain}, memory.Status) {
		t.Fatalf("status %v", memory.Status)
	}
}
