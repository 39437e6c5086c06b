package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/biwa-data/biwa/internal/datafolder"
	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// Loss is a part of a data folder that is missing, and what that means.
type Loss struct {
	Part    string `json:"part"`
	Meaning string `json:"meaning"`
	// Final says that only a backup helps: the folder cannot be used without the part.
	Final bool `json:"final,omitempty"`
}

// meanings are what is lost with each part.
var meanings = map[string]Loss{
	"journal": {Meaning: "records that were accepted and had reached neither the archive nor a table are lost; what the ledger misses by it is named at the next start"},
	"dedupe":  {Meaning: "copies of records that were received before now are no longer recognised, as far as streams deduplicate"},
	"objects": {Meaning: "all tables and the archive were there", Final: true},
}

// Recover makes a data folder of which parts are missing one that a node can start on,
// and notes an incident for each part. With plan it changes nothing. It returns what is
// missing; the folder must not be in use.
func Recover(ctx context.Context, dir string, plan bool, now time.Time) (losses []Loss, err error) {
	lock, err := datafolder.TakeLock(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	if err := datafolder.Missing(dir); err != nil {
		return nil, err
	}
	names, err := datafolder.Lost(dir)
	if err != nil {
		return nil, err
	}
	db, err := meta.Open(ctx, filepath.Join(dir, "meta.db"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	id, _, err := readIdentity(ctx, db)
	if err != nil || id.Folder == "" {
		return nil, err // no node has run here: it starts as it is
	}
	for _, name := range names {
		loss := meanings[name]
		loss.Part = name
		losses = append(losses, loss)
		if loss.Final && !plan {
			return losses, record.Errorf(record.Conflict, "data folder %s: %s is missing, and %s: put it back from a backup", dir, name, loss.Meaning)
		}
	}
	if plan {
		return losses, nil
	}
	for _, loss := range losses {
		if err := renew(ctx, db, dir, id, loss, now); err != nil {
			return losses, err
		}
	}
	return losses, nil
}

// renew notes first: an incident too many harms nobody.
func renew(ctx context.Context, db *meta.DB, dir string, id datafolder.Identity, loss Loss, now time.Time) error {
	err := db.Update(ctx, func(tx *sql.Tx) error {
		return meta.AddIncident(ctx, tx, meta.Incident{At: now, Kind: "part_lost", Detail: fmt.Sprintf("%s was missing and has been made anew: %s", loss.Part, loss.Meaning)})
	})
	if err != nil {
		return err
	}
	return datafolder.Renew(dir, id, loss.Part)
}
