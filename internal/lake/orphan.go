package lake

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/object"
	"github.com/biwa-data/biwa/internal/record"
)

// settingCleaned is the day up to which leftovers have been removed: later ones
// lie in the folders of that day and after.
const settingCleaned = "lake.cleaned"

// minOrphanAge keeps RemoveOrphans away from a flush or a rewrite that runs.
const minOrphanAge = time.Hour

// removeLeftovers removes the files of commits that never happened because the
// process ended. It looks only where one can lie, so that a start stays short:
// in the metadata folders, and in the data folders of the days since the last
// start. It runs before anything else writes.
//
// A file that the index names and that is not there means that folder and
// database are not of one moment, for example after half a restore. What looks
// like a leftover may then be the only copy, so nothing of that table is removed,
// and an incident is noted. Metadata that is more than one commit ahead of the index
// cannot come of a commit that did not happen: the index is older than the folder,
// and the start is an error.
func (l *Lake) removeLeftovers(ctx context.Context) error {
	var since string
	err := l.meta.View(ctx, func(q meta.Querier) (err error) {
		since, err = meta.Setting(ctx, q, settingCleaned)
		return err
	})
	if err != nil {
		return err
	}
	now := l.clock.Now().UTC()
	days := daysBetween(since, now)
	var incidents []meta.Incident
	for name := range l.tables {
		missing, err := l.cleanTable(ctx, name, days)
		if err != nil {
			return fmt.Errorf("remove leftovers of %s: %w", name, err)
		}
		if missing != "" {
			incidents = append(incidents, meta.Incident{At: now, Kind: "file_missing",
				Detail: fmt.Sprintf("table %s: %s is in the index but not in the folder: restore the folder and the database of one backup", name, missing)})
		}
	}
	return l.meta.Update(ctx, func(tx *sql.Tx) error {
		for _, i := range incidents {
			if err := meta.AddIncident(ctx, tx, i); err != nil {
				return err
			}
		}
		return meta.Set(ctx, tx, settingCleaned, now.Format(time.DateOnly))
	})
}

// daysBetween lists the days from the one before since, in case the clock was
// set back, to the one after now; just those around now if since is not a day.
func daysBetween(since string, now time.Time) []string {
	first, err := time.Parse(time.DateOnly, since)
	if err != nil || first.After(now) {
		first = now
	}
	var days []string
	for d := first.AddDate(0, 0, -1); !d.After(now.AddDate(0, 0, 1)); d = d.AddDate(0, 0, 1) {
		days = append(days, d.Format(time.DateOnly))
	}
	return days
}

// cleanTable removes what is unknown in a table's folders, or says which known
// file is missing.
func (l *Lake) cleanTable(ctx context.Context, name string, days []string) (missing string, err error) {
	prefixes := []string{folder(name) + "/metadata/"}
	for _, day := range days {
		prefixes = append(prefixes, folder(name)+"/data/"+day+"/")
	}
	var unknown []string
	for _, prefix := range prefixes {
		named, queued, err := l.known(ctx, prefix)
		if err != nil {
			return "", err
		}
		err = l.store.List(ctx, prefix, func(i object.Info) error {
			if !named[i.Path] && !queued[i.Path] {
				unknown = append(unknown, i.Path)
			}
			delete(named, i.Path)
			return nil
		})
		if err != nil {
			return "", err
		}
		for p := range named {
			return p, nil
		}
	}
	known := metadataNumber(l.tables[name].location)
	for _, p := range unknown {
		if !strings.HasSuffix(p, metadataSuffix) {
			continue
		}
		if found := metadataNumber(p); found > known+1 {
			return "", record.Errorf(record.Conflict, "meta.db is of an earlier moment than the files: it knows version %d of the table, and %s is version %d. Nothing of the table has been touched: put back meta.db and objects of one backup", known, p, found)
		}
	}
	for _, p := range unknown {
		if err := l.store.Delete(ctx, p); err != nil {
			return "", err
		}
	}
	return "", nil
}

// known is the files below a prefix that tables name, and those that wait to be
// deleted.
func (l *Lake) known(ctx context.Context, prefix string) (named, queued map[string]bool, err error) {
	// 0x7f sorts after every character of a path.
	last := prefix + "\x7f"
	err = l.meta.View(ctx, func(q meta.Querier) error {
		paths, err := texts(q.QueryContext(ctx, `SELECT path FROM files WHERE path BETWEEN ?1 AND ?2
			UNION ALL SELECT path FROM metadata_files WHERE path BETWEEN ?1 AND ?2`, prefix, last))
		if err != nil {
			return err
		}
		named = setOf(paths)
		paths, err = texts(q.QueryContext(ctx, "SELECT path FROM deletions WHERE path BETWEEN ?1 AND ?2", prefix, last))
		queued = setOf(paths)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the files known below %s: %w", prefix, err)
	}
	return named, queued, nil
}

// RemoveOrphans removes every file of the lake that nothing knows and that was
// last changed more than olderThan ago, at least an hour. It lists the whole
// lake; what a crash leaves is found by Open without it.
func (l *Lake) RemoveOrphans(ctx context.Context, olderThan time.Duration) (int, error) {
	if olderThan < minOrphanAge {
		return 0, record.Errorf(record.Invalid, "remove orphans: %v is too young, a commit may still be under way: use at least %v", olderThan, minOrphanAge)
	}
	edge := l.clock.Now().Add(-olderThan)
	var old []string
	err := l.store.List(ctx, root, func(i object.Info) error {
		if i.Changed.Before(edge) {
			old = append(old, i.Path)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("remove orphans: %w", err)
	}
	// The index is read after the listing: a file it lacks now was not committed
	// in between, for it was old when it was listed.
	named, queued, err := l.known(ctx, root)
	if err != nil {
		return 0, fmt.Errorf("remove orphans: %w", err)
	}
	n := 0
	for _, p := range old {
		if named[p] || queued[p] {
			continue
		}
		if err := l.store.Delete(ctx, p); err != nil {
			return n, fmt.Errorf("remove orphans: %w", err)
		}
		n++
	}
	return n, nil
}
