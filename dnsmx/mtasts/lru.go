package mtasts

import (
	"container/list"

	"github.com/mailwire/mailwire/dnsmx"
)

// recent keeps a value for each of the domains that were used most recently.
type recent[V any] struct {
	byName map[dnsmx.Name]*list.Element
	order  list.List // the most recent in front
}

type named[V any] struct {
	name  dnsmx.Name
	value V
}

func (r *recent[V]) get(n dnsmx.Name) (v V, ok bool) {
	e := r.byName[n]
	if e == nil {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*named[V]).value, true
}

// put keeps a value, and at most that many.
func (r *recent[V]) put(n dnsmx.Name, v V, most int) {
	if e := r.byName[n]; e != nil {
		e.Value.(*named[V]).value = v
		r.order.MoveToFront(e)
		return
	}
	if r.byName == nil {
		r.byName = make(map[dnsmx.Name]*list.Element)
	}
	for len(r.byName) >= most {
		r.drop(r.order.Back().Value.(*named[V]).name)
	}
	r.byName[n] = r.order.PushFront(&named[V]{n, v})
}

func (r *recent[V]) drop(n dnsmx.Name) {
	if e := r.byName[n]; e != nil {
		r.order.Remove(e)
		delete(r.byName, n)
	}
}
