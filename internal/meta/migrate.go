package meta

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/biwa-data/biwa/internal/record"
)

// migrations are numbered without a gap from 0001; one that was released is
// never changed.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the database up to the newest migration.
func migrate(ctx context.Context, db *sql.DB) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	if _, err := db.ExecContext(ctx,
		"CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY)"); err != nil {
		return fmt.Errorf("create schema_version: %w", err)
	}
	var have int
	if err := db.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM schema_version").Scan(&have); err != nil {
		return fmt.Errorf("read schema_version: %w", err)
	}
	if have > len(names) {
		return record.Errorf(record.Conflict,
			"the database has schema version %d and this binary knows up to %d: start a newer biwa, or restore a backup made by this one",
			have, len(names))
	}
	for version := have + 1; version <= len(names); version++ {
		if err := step(ctx, db, version, names[version-1]); err != nil {
			return fmt.Errorf("migration %s: %w", names[version-1], err)
		}
	}
	return nil
}

func step(ctx context.Context, db *sql.DB, version int, name string) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit this does nothing
	if _, err := tx.ExecContext(ctx, string(script)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO schema_version (version) VALUES (?)", version); err != nil {
		return err
	}
	return tx.Commit()
}
