package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/serve/console"
	"github.com/biwa-data/biwa/internal/shape"
)

// settingVersion is the project's version, as JSON.
const settingVersion = "project.version"

// projectVersion counts the times the project was applied and something changed.
type projectVersion struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
}

func readVersion(ctx context.Context, q meta.Querier) (v projectVersion, err error) {
	text, err := meta.Setting(ctx, q, settingVersion)
	if err != nil || text == "" {
		return v, err
	}
	return v, json.Unmarshal([]byte(text), &v)
}

// Version is the number of the project's version that runs.
func (n *Node) Version(ctx context.Context) (number int, err error) {
	err = n.meta.View(ctx, func(q meta.Querier) error {
		v, err := readVersion(ctx, q)
		number = v.Number
		return err
	})
	return number, err
}

// storeVersion notes that a changed project was applied.
func (n *Node) storeVersion(ctx context.Context, tx *sql.Tx) error {
	v, err := readVersion(ctx, tx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(projectVersion{v.Number + 1, n.clock.Now()})
	if err != nil {
		return err
	}
	return meta.Set(ctx, tx, settingVersion, string(text))
}

// changesShown is how many changes of each kind are read.
const changesShown = 8

// changes lists what was changed last, and what happened, newest first.
func (n *Node) changes(ctx context.Context, q meta.Querier) ([]console.Change, error) {
	var all []console.Change
	for _, s := range n.list() {
		versions := s.versions()
		for i := max(0, len(versions)-changesShown); i < len(versions); i++ {
			v := versions[i]
			c := console.Change{At: v.Since, Kind: "definition", Name: s.name, Number: int64(v.Number), Detail: v.Changed}
			if i == 0 {
				c.Kind = "stream"
			}
			all = append(all, c)
		}
	}
	replays, err := readReplays(ctx, q)
	if err != nil {
		return nil, err
	}
	incidents, err := meta.Incidents(ctx, q, changesShown)
	if err != nil {
		return nil, err
	}
	for _, i := range incidents {
		all = append(all, console.Change{At: i.At, Kind: "incident", Name: i.Kind, By: i.Detail})
	}
	runs, err := readRuns(ctx, q)
	if err != nil {
		return nil, err
	}
	for i, r := range runs {
		c := console.Change{At: r.From, Kind: "started"}
		if i > 0 {
			c.Down = r.From.Sub(runs[i-1].To)
		}
		all = append(all, c)
	}
	settings, err := readSettingsChanges(ctx, q)
	if err != nil {
		return nil, err
	}
	for _, s := range settings {
		all = append(all, s.forConsole())
	}
	all = append(all, replays...)
	slices.SortStableFunc(all, func(a, b console.Change) int { return b.At.Compare(a.At) })
	return all[:min(len(all), changesShown)], nil
}

func readReplays(ctx context.Context, q meta.Querier) (found []console.Change, err error) {
	rows, err := q.QueryContext(ctx, `SELECT l.at, coalesce(s.name, l.stream_id), sum(l.delivered) FROM ledger l LEFT JOIN streams s ON s.id = l.stream_id
		WHERE l.kind = 'replay' GROUP BY l.at, l.stream_id ORDER BY l.at DESC LIMIT ?`, changesShown)
	if err != nil {
		return nil, fmt.Errorf("list replays: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		c := console.Change{Kind: "replay"}
		var at int64
		if err := rows.Scan(&at, &c.Name, &c.Number); err != nil {
			return nil, fmt.Errorf("list replays: %w", err)
		}
		c.At = time.UnixMicro(at).UTC()
		found = append(found, c)
	}
	return found, rows.Err()
}

// versions are the generations of a stream's definition, oldest first, each with
// what it changed.
func (s *stream) versions() []console.Version {
	s.mu.Lock()
	generations := slices.Clone(s.generations)
	s.mu.Unlock()
	var list []console.Version
	for i, g := range generations {
		v := console.Version{Number: g.number, Since: g.applied, From: int64(g.from)}
		if i > 0 {
			v.Changed = difference(generations[i-1].stored, g.stored)
		}
		list = append(list, v)
	}
	return list
}

// difference says what a definition changed in another.
func difference(was, now storedDefinition) []console.Detail {
	var found []console.Detail
	for _, c := range now.Definition.Columns {
		i := slices.IndexFunc(was.Definition.Columns, func(o shape.Column) bool { return o.Name == c.Name })
		if before, ok := renamedTo(now.Moves, c.Name); ok {
			found = append(found, console.Detail{Kind: "changed", What: "name", Name: c.Name, Now: c.Name, Was: before})
			continue
		}
		if i < 0 {
			found = append(found, console.Detail{Kind: "added", What: "column", Name: c.Name, Now: c.Type})
			continue
		}
		before := was.Definition.Columns[i]
		if before.Type != c.Type {
			found = append(found, console.Detail{Kind: "changed", What: "column", Name: c.Name, Now: c.Type, Was: before.Type})
			continue
		}
		found = append(found, keysChanged(c.Name, before, c)...)
	}
	for _, c := range was.Definition.Columns {
		_, moved := now.Moves.Renamed[c.Name]
		if !moved && !slices.ContainsFunc(now.Definition.Columns, func(o shape.Column) bool { return o.Name == c.Name }) {
			found = append(found, console.Detail{Kind: "removed", What: "column", Name: c.Name, Was: c.Type})
		}
	}
	a, b := was.Definition, now.Definition
	a.Columns, b.Columns = nil, nil
	found = append(found, keysChanged("", a, b)...)
	if was.TimeZone != now.TimeZone {
		found = append(found, console.Detail{Kind: "changed", What: "timezone", Now: now.TimeZone, Was: was.TimeZone})
	}
	for name, text := range now.Seeds {
		if was.Seeds[name] != text {
			found = append(found, console.Detail{Kind: "changed", What: "seed", Name: name})
		}
	}
	return found
}

// renamedTo is the name that a column had before moves gave it this one.
func renamedTo(m shape.Moves, name string) (before string, ok bool) {
	for before, now := range m.Renamed {
		if now == name {
			return before, true
		}
	}
	return "", false
}

// keysChanged compares two definitions key by key, as they are stored.
func keysChanged(name string, was, now any) (found []console.Detail) {
	a, b := keysOf(was), keysOf(now)
	for key := range a {
		if _, ok := b[key]; !ok {
			b[key] = nil
		}
	}
	for key, value := range b {
		if before := a[key]; string(before) != string(value) {
			found = append(found, console.Detail{Kind: "changed", What: key, Name: name, Now: string(value), Was: string(before)})
		}
	}
	slices.SortFunc(found, func(x, y console.Detail) int { return strings.Compare(x.What, y.What) })
	return found
}

func keysOf(v any) map[string]json.RawMessage {
	keys := map[string]json.RawMessage{}
	text, err := json.Marshal(v)
	if err != nil || json.Unmarshal(text, &keys) != nil {
		return map[string]json.RawMessage{}
	}
	return keys
}
