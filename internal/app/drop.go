package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/biwa-data/biwa/internal/lake"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// DropTable removes the table of a stream that is not in the project, or with
// r.Preview says what would go. All that makes it gone is one transaction: the table,
// the ledger's row, the stream's state and its place as a consumer of the log. So a
// node that is killed has dropped it, or not. Its files follow after the grace, once
// no query reads them; the raw archive and quarantine keep the records.
func (n *Node) DropTable(ctx context.Context, r api.DropRequest) (answer api.DropAnswer, err error) {
	n.applying.Lock() // the project stays as it is
	defer n.applying.Unlock()
	answer.Table = r.Table
	s, err := n.droppable(r.Table)
	if err != nil {
		return answer, err
	}
	if err := n.exact(ctx); err != nil {
		return answer, err
	}
	t := n.worlds.Current().Table(r.Table)
	answer.Rows, answer.Files, answer.Bytes = t.Files.Rows(), t.Files.Len(), t.Files.Bytes()
	for _, g := range t.Recent {
		answer.Rows += g.Rows()
	}
	if r.Preview {
		return answer, nil
	}
	n.replaying.Lock() // which adds rows to tables
	defer n.replaying.Unlock()
	if err := n.flush(ctx, s); err != nil {
		return answer, err
	}
	ended := false
	removed, err := n.lake.Drop(ctx, s.name, n.engine, func() error {
		err := n.endWorker(ctx, s)
		ended = err == nil
		return err
	}, func(tx *sql.Tx, removed lake.Removed) error {
		return n.forgetStream(context.WithoutCancel(ctx), tx, s, removed)
	})
	if err != nil {
		if ended {
			n.fail(fmt.Errorf("stream %s has ended, and its table could not be dropped: it is there as before: %w", s.name, err))
		}
		return answer, err
	}
	answer.Rows, answer.Files, answer.Bytes, answer.Dropped = removed.Tally.Count, removed.Files, removed.Bytes, true
	n.mu.Lock()
	delete(n.streams, s.id)
	n.mu.Unlock()
	n.tables.mu.Lock()
	delete(n.tables.prepared, s.name)
	n.tables.mu.Unlock()
	n.log.Info("table dropped", "table", s.name, "rows", answer.Rows, "files", answer.Files)
	// What is left of it is removed at the next start where this fails.
	n.note("dedupe of "+s.name, errors.Join(s.dedupe.close(), os.RemoveAll(filepath.Join(n.o.Data, dedupeFolder, s.id.String()))))
	return answer, nil
}

// droppable is the stream of a table that may be dropped.
func (n *Node) droppable(table string) (*stream, error) {
	if table == record.QuarantineTable {
		return nil, record.Errorf(record.Invalid, "quarantine belongs to all streams and is not dropped: biwa quarantine discard takes the records of one out of it")
	}
	s := n.byName(table)
	if s == nil || n.worlds.Current().Table(table) == nil {
		return nil, n.noTable(table)
	}
	if n.stateOf(table) == ledger.StreamActive {
		return nil, record.Errorf(record.Conflict, "table %s is that of a stream of the project: take streams/%s.yaml out and apply the project (biwa reload) before", table, table)
	}
	return s, nil
}

// endWorker ends a stream's delivery when all that was accepted is in its table. From
// then on nothing is accepted for it, not even of a request that began before it left
// the project.
func (n *Node) endWorker(ctx context.Context, s *stream) error {
	n.appending.Lock()
	s.ended.Store(true)
	n.appending.Unlock()
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := n.flush(limited, s)
	if err == nil && s.worker.Offset() < n.journal.LastOf(s.id) {
		err = record.Errorf(record.Unavailable, "stream %s: records on the log could not be delivered", s.name)
	}
	if err != nil {
		s.ended.Store(false)
		return err
	}
	s.stop()
	return nil
}

// forgetStream accounts for the rows that go with a table, and for its stream.
func (n *Node) forgetStream(ctx context.Context, tx *sql.Tx, s *stream, r lake.Removed) error {
	err := ledger.Remove(ctx, tx, ledger.Removal{Table: s.name, Stream: s.id, Reason: ledger.Delete, By: "table drop", Tally: r.Tally, MinID: r.MinID, MaxID: r.MaxID, At: n.clock.Now()})
	if err != nil {
		return err
	}
	for statement, arg := range map[string]string{
		"UPDATE streams SET state = 'deleted' WHERE id = ?": s.id.String(),
		"DELETE FROM consumers WHERE name = ?":              consumerTable(s.id),
	} {
		if _, err := tx.ExecContext(ctx, statement, arg); err != nil {
			return fmt.Errorf("forget stream %s: %w", s.name, err)
		}
	}
	return nil
}

// dedupeFolder holds a folder of keys for each stream.
const dedupeFolder = "dedupe"

// removeLeftKeys removes the keys of streams that are no more: the node ended between
// dropping a table and this.
func (n *Node) removeLeftKeys() error {
	folder := filepath.Join(n.o.Data, dedupeFolder)
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, s := range n.list() {
		known[s.id.String()] = true
	}
	for _, e := range entries {
		if _, err := record.ParseStreamID(e.Name()); err == nil && !known[e.Name()] {
			if err := os.RemoveAll(filepath.Join(folder, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
