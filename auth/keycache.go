package auth

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
)

// keyCacheSize bounds a KeyCache.
const keyCacheSize = 1024

// KeyCache remembers the SCRAM keys derived for a user and password, hash, salt
// and count, so that a client which connects often derives them once. The least
// recently used of more than 1024 entries goes. The zero KeyCache is ready, and
// one may serve many connections at once; a nil one keeps nothing. It holds no
// password, but keys that are as good as one for the server they belong to.
type KeyCache struct {
	redacted
	mu   sync.Mutex
	salt [32]byte // keys the passwords' fingerprints; made with the map
	at   map[cacheKey]*list.Element
	used list.List // front: most recent; of *cacheEntry
}

type cacheKey struct {
	user, hash, salt string
	iterations       int
	password         [sha256.Size]byte // a changed password must not find the old keys
}

type cacheEntry struct {
	key  cacheKey
	keys Keys
}

func (c *KeyCache) key(user string, password Secret, q KeysQuestion) cacheKey {
	if c.at == nil {
		c.at = make(map[cacheKey]*list.Element)
		rand.Read(c.salt[:])
	}
	m := hmac.New(sha256.New, c.salt[:])
	m.Write([]byte(password))
	k := cacheKey{user: user, hash: q.Hash, salt: string(q.Salt), iterations: q.Iterations}
	m.Sum(k.password[:0])
	return k
}

func (c *KeyCache) get(user string, password Secret, q KeysQuestion) (Keys, bool) {
	if c == nil {
		return Keys{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.at[c.key(user, password, q)]
	if !ok {
		return Keys{}, false
	}
	c.used.MoveToFront(e)
	return e.Value.(*cacheEntry).keys, true
}

func (c *KeyCache) put(user string, password Secret, q KeysQuestion, k Keys) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := c.key(user, password, q)
	if e, ok := c.at[key]; ok {
		c.used.MoveToFront(e)
		return
	}
	c.at[key] = c.used.PushFront(&cacheEntry{key, k})
	if c.used.Len() > keyCacheSize {
		last := c.used.Back()
		delete(c.at, last.Value.(*cacheEntry).key)
		c.used.Remove(last)
	}
}
