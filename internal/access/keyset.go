package access

import "slices"

// keySet is all keys at one moment. It never changes: who changes keys stores
// another set, so a request sees either the keys before or those after.
type keySet struct {
	configured []Key // in biwa.yaml
	made       []Key // while the node ran; public ones only
	public     map[[32]byte]*PublicKey
	open       bool
}

// newKeySet makes a set. A public key that was in the set before keeps its bucket,
// so that a change of other keys gives nobody a full one.
func newKeySet(configured, made []Key, before map[[32]byte]*PublicKey) *keySet {
	s := &keySet{configured: configured, made: made, public: map[[32]byte]*PublicKey{}, open: AllPublic(configured)}
	for _, list := range [][]Key{configured, made} {
		for _, k := range list {
			if !k.isPublic() {
				continue
			}
			if s.public[k.Hash] != nil {
				continue
			}
			b := newBucket(k.RateOrDefault())
			if old := before[k.Hash]; old != nil && old.Rate == k.Rate {
				b = old.bucket
			}
			s.public[k.Hash] = &PublicKey{Key: k, bucket: b}
		}
	}
	return s
}

// AllPublic says whether there are no keys but public ones: then a node is open to
// whoever reaches the loopback address by its own name.
func AllPublic(keys []Key) bool {
	return !slices.ContainsFunc(keys, func(k Key) bool { return !k.isPublic() })
}

// Replace puts other keys in the place of those of biwa.yaml, at once.
func (g *Guard) Replace(configured []Key) {
	g.change.Lock()
	defer g.change.Unlock()
	now := g.keys.Load()
	g.keys.Store(newKeySet(configured, now.made, now.public))
}

// ReplaceMade puts other keys in the place of those made while the node runs, at
// once. They must be public.
func (g *Guard) ReplaceMade(made []Key) {
	g.change.Lock()
	defer g.change.Unlock()
	now := g.keys.Load()
	g.keys.Store(newKeySet(now.configured, made, now.public))
}

// Configured are the keys of biwa.yaml. Callers do not change them.
func (g *Guard) Configured() []Key { return g.keys.Load().configured }
