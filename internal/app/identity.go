package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/biwa-data/biwa/internal/datafolder"
	"github.com/biwa-data/biwa/internal/meta"
)

// settingIdentity is the datafolder.Identity of the folder, as JSON.
const settingIdentity = "folder.identity"

// openMeta opens the metadata of a data folder whose parts belong together. It is
// called before any other part is opened, for opening one changes it.
func openMeta(ctx context.Context, dir string) (*meta.DB, error) {
	if err := datafolder.Missing(dir); err != nil {
		return nil, err
	}
	db, err := meta.Open(ctx, filepath.Join(dir, "meta.db"))
	if err != nil {
		return nil, err
	}
	stored, fresh, err := readIdentity(ctx, db)
	if err == nil {
		err = datafolder.Open(dir, stored, fresh, func(id datafolder.Identity) error { return keepIdentity(ctx, db, id) })
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// readIdentity reads whose the metadata is; fresh says that no node has used it yet.
func readIdentity(ctx context.Context, db *meta.DB) (id datafolder.Identity, fresh bool, err error) {
	var text string
	var settings int
	err = db.View(ctx, func(q meta.Querier) (err error) {
		if err := q.QueryRowContext(ctx, "SELECT count(*) FROM settings").Scan(&settings); err != nil {
			return fmt.Errorf("read settings: %w", err)
		}
		text, err = meta.Setting(ctx, q, settingIdentity)
		return err
	})
	if err == nil && text != "" {
		err = json.Unmarshal([]byte(text), &id)
	}
	return id, settings == 0, err
}

func keepIdentity(ctx context.Context, db *meta.DB, id datafolder.Identity) error {
	text, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return db.Update(ctx, func(tx *sql.Tx) error { return meta.Set(ctx, tx, settingIdentity, string(text)) })
}
