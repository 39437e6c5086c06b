package meta

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/record"
)

// Incident is something that went wrong with the data, and where exactly.
type Incident struct {
	At     time.Time       `json:"at"`
	Shard  uint8           `json:"shard"`
	From   record.Sequence `json:"from"`
	To     record.Sequence `json:"to"`
	Kind   string          `json:"kind"`
	Detail string          `json:"detail"`
}

// AddIncident notes an incident for good.
func AddIncident(ctx context.Context, tx *sql.Tx, i Incident) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO incidents (at, shard, from_seq, to_seq, kind, detail) VALUES (?, ?, ?, ?, ?, ?)",
		i.At.UnixMicro(), i.Shard, i.From, i.To, i.Kind, i.Detail)
	if err != nil {
		return fmt.Errorf("note incident %s: %w", i.Kind, err)
	}
	return nil
}

// Incidents lists the newest incidents, at most limit.
func Incidents(ctx context.Context, q Querier, limit int) ([]Incident, error) {
	rows, err := q.QueryContext(ctx,
		"SELECT at, shard, from_seq, to_seq, kind, detail FROM incidents ORDER BY id DESC LIMIT ?", limit)
	if err != nil {
		return nil, fmt.Errorf("list incidents: %w", err)
	}
	defer rows.Close()
	var list []Incident
	for rows.Next() {
		var i Incident
		var at int64
		if err := rows.Scan(&at, &i.Shard, &i.From, &i.To, &i.Kind, &i.Detail); err != nil {
			return nil, fmt.Errorf("list incidents: %w", err)
		}
		i.At = time.UnixMicro(at).UTC()
		list = append(list, i)
	}
	return list, rows.Err()
}
