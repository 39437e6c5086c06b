package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/deliver"
	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
	"github.com/biwa-data/biwa/internal/serve/console"
)

// Setting is a key of biwa.yaml and the value it has, written there or by default.
type Setting struct {
	Key   string // limits.query_time, or keys.NAME
	Value string // as people write it, without secrets
	Mark  string // another one where what Value stands for is: a key's secret
}

// takenOver are the groups of settings that a running node takes over; each is given
// to its owner by takeOver, or is part of the streams' definitions. What is not named
// here waits for a start.
var takenOver = []string{"timezone", "keys", "trusted_proxies", "limits", "idempotency", "flush", "archive"}

// settingJournal is the one limit that waits: JetStream's store is sized when it opens.
const settingJournal = "limits.journal"

// waits says whether a setting's new value needs a start.
func (s Setting) waits() bool {
	group, _, _ := strings.Cut(s.Key, ".")
	return s.Key == settingJournal || !slices.Contains(takenOver, group)
}

// compare lists where the settings that are wanted differ from those that run: what
// is taken over, and what waits for a start.
func compare(running, wanted []Setting) (changed, waiting []api.SettingChange) {
	note := func(s Setting, was, now string) {
		change := api.SettingChange{Key: s.Key, Was: was, Now: now}
		if s.waits() {
			waiting = append(waiting, change)
		} else {
			changed = append(changed, change)
		}
	}
	for _, now := range wanted {
		i := slices.IndexFunc(running, func(s Setting) bool { return s.Key == now.Key })
		switch {
		case i < 0:
			note(now, "", now.Value)
		case running[i].Value != now.Value:
			note(now, running[i].Value, now.Value)
		case running[i].Mark != now.Mark:
			note(now, now.Value, now.Value+", with another secret")
		}
	}
	for _, was := range running {
		if !slices.ContainsFunc(wanted, func(s Setting) bool { return s.Key == was.Key }) {
			note(was, was.Value, "")
		}
	}
	return changed, waiting
}

// nowRunning are the settings that run once those that are wanted are taken over.
func nowRunning(running, wanted []Setting) []Setting {
	return slices.Concat(
		slices.DeleteFunc(slices.Clone(wanted), Setting.waits),
		slices.DeleteFunc(slices.Clone(running), func(s Setting) bool { return !s.waits() }))
}

// limitEngine is the one part of taking settings over that can be refused: the SQL
// engine may hold more memory than it is to have.
func (n *Node) limitEngine(ctx context.Context, p Project) error {
	err := n.engine.SetLimits(ctx, engineLimits(p.Limit))
	if err == nil || p.Config == nil {
		return err
	}
	const memory = "limits.memory"
	if line, column, found := p.Config.Find(memory); found == memory {
		return record.Errorf(record.KindOf(err), "%s:%d:%d: %w", p.Config.File(), line, column, err)
	}
	return err
}

// takeOver gives each setting to the part that owns it.
func (n *Node) takeOver(ctx context.Context, p Project) {
	n.gate.limit(p.Limit)
	n.limitSpill(ctx, n.gate.room())
	n.budget.SetLimit(p.Limit.RecentBytes)
	n.idempotency.SetWindow(p.Limit.IdempotencyWindow)
	n.journal.SetLocation(p.Location)
	for _, s := range n.list() {
		s.worker.SetFlush(flushOf(p, s))
	}
	if n.o.Guard != nil {
		n.o.Guard.Trust(p.Proxies)
		n.o.Guard.Replace(p.Keys)
	}
}

// flushOf is when a stream's rows are written to a file.
func flushOf(p Project, s *stream) deliver.Flush {
	f := deliver.Flush{FlushBytes: p.Limit.FlushBytes, FlushAge: p.Limit.FlushAge}
	own := s.newest().stored.Definition.Flush
	if own.Size > 0 {
		f.FlushBytes = int64(own.Size)
	}
	if own.Age > 0 {
		f.FlushAge = time.Duration(own.Age)
	}
	return f
}

func engineLimits(l Limits) engine.Limits {
	return engine.Limits{MemoryLimitBytes: l.MemoryBytes, MaxTempBytes: l.TempBytes, HeavyQueries: l.HeavyQueries, QueueLength: l.QueueLength, TimeLimit: l.QueryTime, IdleRead: l.IdleRead}
}

// settingChanges holds the last changes of settings, as JSON, the newest last.
const settingChanges = "project.settings"

// settingsChange is one of them.
type settingsChange struct {
	At      time.Time           `json:"at"`
	Changed []api.SettingChange `json:"changed"`
}

func readSettingsChanges(ctx context.Context, q meta.Querier) (all []settingsChange, err error) {
	text, err := meta.Setting(ctx, q, settingChanges)
	if err != nil || text == "" {
		return nil, err
	}
	return all, json.Unmarshal([]byte(text), &all)
}

// storeSettingsChange remembers a change of settings for people.
func (n *Node) storeSettingsChange(ctx context.Context, tx *sql.Tx, changed []api.SettingChange) error {
	if len(changed) == 0 {
		return nil
	}
	all, err := readSettingsChanges(ctx, tx)
	if err != nil {
		return fmt.Errorf("changes of settings: %w", err)
	}
	all = append(all, settingsChange{n.clock.Now(), changed})
	text, err := json.Marshal(all[max(0, len(all)-changesShown):])
	if err != nil {
		return err
	}
	return meta.Set(ctx, tx, settingChanges, string(text))
}

// forConsole is the change as Home shows it.
func (c settingsChange) forConsole() console.Change {
	shown := console.Change{At: c.At, Kind: "settings"}
	for _, s := range c.Changed {
		shown.Detail = append(shown.Detail, console.Detail{Kind: "changed", What: s.Key, Now: s.Now, Was: s.Was})
	}
	return shown
}
