package lake

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	iceberg "github.com/apache/iceberg-go"
	icetable "github.com/apache/iceberg-go/table"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// row is a file as our index keeps it.
type row struct {
	record.File
	spec  int
	young bool
}

const rowColumns = "path, spec_id, young, rows, bytes, has_time, min_time, max_time, min_id, max_id, partition"

// fileRows is the files of a table, oldest first.
func fileRows(ctx context.Context, q meta.Querier, name string, metadata icetable.Metadata) ([]row, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+rowColumns+" FROM files WHERE table_name = ? ORDER BY rowid", name)
	if err != nil {
		return nil, fmt.Errorf("read files of %s: %w", name, err)
	}
	defer rows.Close()
	var list []row
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return nil, fmt.Errorf("read files of %s: %w", name, err)
		}
		datePartition(metadata, &r)
		list = append(list, r)
	}
	return list, rows.Err()
}

// datePartition gives partition values that were once kept as days or microseconds since
// 1970 the form that they are kept in now.
func datePartition(metadata icetable.Metadata, r *row) {
	spec := metadata.PartitionSpecByID(r.spec)
	if spec == nil || spec.NumFields() != len(r.Partition) {
		return
	}
	for i, field := range spec.Fields() {
		n, isNumber := r.Partition[i].(int64)
		kind, known := metadata.CurrentSchema().FindTypeByID(field.SourceID())
		if !isNumber || !known {
			continue
		}
		switch kind.(type) {
		case iceberg.DateType:
			r.Partition[i] = dayText(time.Unix(n*86400, 0))
		case iceberg.TimestampType, iceberg.TimestampTzType:
			r.Partition[i] = timeText(time.UnixMicro(n))
		}
	}
}

func scanRow(rows *sql.Rows) (r row, err error) {
	var partition sql.NullString
	if err := rows.Scan(&r.Path, &r.spec, &r.young, &r.Rows, &r.Bytes, &r.HasTime, &r.MinTime, &r.MaxTime,
		&r.MinID, &r.MaxID, &partition); err != nil {
		return r, err
	}
	if partition.Valid {
		decoder := json.NewDecoder(bytes.NewReader([]byte(partition.String)))
		decoder.UseNumber()
		if err := decoder.Decode(&r.Partition); err != nil {
			return r, fmt.Errorf("%s: partition %s: %w", r.Path, partition.String, err)
		}
		if r.Partition, err = plainValues(r.Partition); err != nil {
			return r, fmt.Errorf("%s: partition %s: %w", r.Path, partition.String, err)
		}
	}
	return r, nil
}

// insertRows puts files into the index; a path that is in it already is an error.
func insertRows(ctx context.Context, tx *sql.Tx, table string, rows []row, snapshot, at int64) error {
	for i := range rows {
		r := &rows[i]
		var partition any
		if r.Partition != nil {
			text, err := json.Marshal(r.Partition)
			if err != nil {
				return fmt.Errorf("index %s: %w", r.Path, err)
			}
			partition = string(text)
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO files ("+rowColumns+", table_name, snapshot, added_at) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			r.Path, r.spec, r.young, r.Rows, r.Bytes, r.HasTime, r.MinTime, r.MaxTime, r.MinID, r.MaxID, partition, table, snapshot, at)
		if err != nil {
			return fmt.Errorf("index %s: %w", r.Path, err)
		}
	}
	return nil
}

// deleteRows takes files out of the index; one that is not in it is an error.
func deleteRows(ctx context.Context, tx *sql.Tx, table string, paths []string) error {
	for _, p := range paths {
		result, err := tx.ExecContext(ctx, "DELETE FROM files WHERE path = ? AND table_name = ?", p, table)
		if err != nil {
			return fmt.Errorf("take %s out of the index: %w", p, err)
		}
		if n, err := result.RowsAffected(); err != nil || n != 1 {
			return record.Errorf(record.Conflict, "table %s does not have the file %s", table, p)
		}
	}
	return nil
}

func indexOf(rows []row) world.FileIndex {
	files := make([]record.File, len(rows))
	for i := range rows {
		files[i] = rows[i].File
	}
	return world.FileIndex{}.Add(files...)
}

// lean is the files as a World keeps them: the bounds of each column stay in
// the manifests alone, or 100,000 files would cost gigabytes.
func lean(files []record.File) []record.File {
	kept := make([]record.File, len(files))
	copy(kept, files)
	for i := range kept {
		kept[i].Columns = nil
	}
	return kept
}
