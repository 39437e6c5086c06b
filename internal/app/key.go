package app

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// keyring keeps the public keys that were made while the node ran, and lets every
// guard of the node know of a change before it answers.
type keyring struct {
	mu     sync.Mutex
	made   []madeKey // by name
	guards []*access.Guard
}

// madeKey is a key that was made while the node ran.
type madeKey struct {
	access.Key
	hint    string
	created time.Time
}

// loadKeys reads the keys that the metadata has.
func (n *Node) loadKeys(ctx context.Context) error {
	return n.meta.View(ctx, func(q meta.Querier) error {
		rows, err := q.QueryContext(ctx, "SELECT name, hash, hint, stream, origins, rate, created_at FROM public_keys ORDER BY name")
		if err != nil {
			return fmt.Errorf("list public keys: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			k := madeKey{Key: access.Key{Scopes: []access.Scope{access.Public}, Streams: []string{""}}}
			var hash []byte
			var origins string
			var created int64
			if err := rows.Scan(&k.Name, &hash, &k.hint, &k.Streams[0], &origins, &k.Rate, &created); err != nil {
				return fmt.Errorf("list public keys: %w", err)
			}
			if err := json.Unmarshal([]byte(origins), &k.Origins); err != nil {
				return fmt.Errorf("public key %s: its origins: %w", k.Name, err)
			}
			copy(k.Hash[:], hash)
			k.created = time.UnixMicro(created).UTC()
			n.keys.made = append(n.keys.made, k)
		}
		return rows.Err()
	})
}

// admit lets a guard know the made keys, now and whenever they change.
func (r *keyring) admit(g *access.Guard) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.guards, g) {
		r.guards = append(r.guards, g)
	}
	g.ReplaceMade(r.list())
}

// list is the made keys as guards take them. The caller holds mu.
func (r *keyring) list() []access.Key {
	keys := make([]access.Key, len(r.made))
	for i := range r.made {
		keys[i] = r.made[i].Key
	}
	return keys
}

// set makes other keys the made ones. The caller holds mu.
func (r *keyring) set(made []madeKey) {
	r.made = made
	for _, g := range r.guards {
		g.ReplaceMade(r.list())
	}
}

// keyDoor is the keys as the API of one port controls them: its guard has those of
// biwa.yaml.
type keyDoor struct {
	*Node
	guard *access.Guard
}

// ListKeys lists all keys, those of biwa.yaml first.
func (d keyDoor) ListKeys(_ context.Context) []api.KeyInfo {
	list := []api.KeyInfo{}
	for _, k := range d.guard.Configured() {
		info := api.KeyInfo{Name: k.Name, Scope: string(k.Scopes[0]), Streams: k.Streams, Origins: k.Origins, Source: api.KeyConfigured}
		if k.Scopes[0] == access.Public {
			info.Rate = k.RateOrDefault()
		}
		list = append(list, info)
	}
	d.keys.mu.Lock()
	defer d.keys.mu.Unlock()
	for _, k := range d.keys.made {
		list = append(list, api.KeyInfo{Name: k.Name, Scope: string(access.Public), Streams: k.Streams, Origins: k.Origins, Rate: k.RateOrDefault(),
			Source: api.KeyMade, Begins: k.hint, Created: &k.created})
	}
	return list
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// CreateKey makes a public key; the answer is the only place where it stands in full.
func (d keyDoor) CreateKey(ctx context.Context, r api.KeyRequest) (api.NewKey, error) {
	s, err := d.named(r.Stream)
	if err != nil {
		return api.NewKey{}, err
	}
	if !keyName.MatchString(r.Name) {
		return api.NewKey{}, record.Errorf(record.Invalid, "%q is no name for a key: letters, digits, and . _ - after the first, at most 63", r.Name)
	}
	if r.Rate < 0 {
		return api.NewKey{}, record.Errorf(record.Invalid, "a rate of %d: write how many records a second the key may bring", r.Rate)
	}
	for _, origin := range r.Origins {
		if err := access.CheckOrigin(origin); err != nil {
			return api.NewKey{}, err
		}
	}
	// The prefix tells people and secret scanners what they look at.
	text := "pk_" + strings.ToLower(rand.Text())
	k := madeKey{hint: text[:8], created: d.clock.Now().UTC(), Key: access.Key{Name: r.Name, Scopes: []access.Scope{access.Public}, Hash: access.HashSecret(text),
		Streams: []string{r.Stream}, Origins: r.Origins, Rate: r.Rate}}
	if err := d.storeKey(ctx, k); err != nil {
		return api.NewKey{}, err
	}
	return api.NewKey{Name: k.Name, Key: text, Stream: r.Stream, Origins: r.Origins, Rate: k.RateOrDefault(), Dedupe: s.newest().stored.Definition.Dedupe != nil}, nil
}

func (d keyDoor) storeKey(ctx context.Context, k madeKey) error {
	origins, err := json.Marshal(slices.Concat([]string{}, k.Origins))
	if err != nil {
		return err
	}
	r := &d.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(d.guard.Configured(), func(o access.Key) bool { return o.Name == k.Name }) {
		return record.Errorf(record.Conflict, "a key %q is in biwa.yaml: choose another name", k.Name)
	}
	if slices.ContainsFunc(r.made, func(o madeKey) bool { return o.Name == k.Name }) {
		return record.Errorf(record.Conflict, "there is a key %q already: choose another name, or revoke it first", k.Name)
	}
	err = d.meta.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO public_keys (name, hash, hint, stream, origins, rate, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			k.Name, k.Hash[:], k.hint, k.Streams[0], string(origins), k.Rate, k.created.UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("store key %s: %w", k.Name, err)
	}
	made := append(slices.Clone(r.made), k)
	slices.SortFunc(made, func(a, b madeKey) int { return strings.Compare(a.Name, b.Name) })
	r.set(made)
	return nil
}

// RevokeKey forgets a key that was made; from its answer on the key lets nobody in.
func (d keyDoor) RevokeKey(ctx context.Context, name string) error {
	r := &d.keys
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.made, func(k madeKey) bool { return k.Name == name })
	if i < 0 {
		if slices.ContainsFunc(d.guard.Configured(), func(k access.Key) bool { return k.Name == name }) {
			return record.Errorf(record.Conflict, "key %q is in biwa.yaml: take it out there", name)
		}
		return record.Errorf(record.NotFound, "there is no key %q: biwa key ls lists them", name)
	}
	err := d.meta.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM public_keys WHERE name = ?", name)
		return err
	})
	if err != nil {
		return fmt.Errorf("revoke key %s: %w", name, err)
	}
	r.set(slices.Delete(slices.Clone(r.made), i, i+1))
	return nil
}
