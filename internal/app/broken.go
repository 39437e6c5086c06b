package app

import (
	"context"
	"errors"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/engine"
	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/record"
)

// watchedEngine is the engine as workers and doors use it. After an internal
// error DuckDB answers nothing more; the node then fails as a whole, and a start
// brings everything back from files and log.
type watchedEngine struct {
	*engine.Engine
	node *Node
}

func (w watchedEngine) check(err error) error {
	if errors.Is(err, engine.ErrBroken) {
		w.node.fail(err)
	}
	return err
}

// WriteParquet writes rows to a durable file.
func (w watchedEngine) WriteParquet(ctx context.Context, path string, schema record.Schema, timeColumn string, batches []arrow.RecordBatch) (record.File, error) {
	f, err := w.Engine.WriteParquet(ctx, path, schema, timeColumn, batches)
	return f, w.check(err)
}

// AppendRecent adds rows to a generation.
func (w watchedEngine) AppendRecent(ctx context.Context, name string, batches []arrow.RecordBatch) error {
	return w.check(w.Engine.AppendRecent(ctx, name, batches))
}

// Query starts a statement.
func (w watchedEngine) Query(ctx context.Context, r engine.Request) (*engine.Result, error) {
	result, err := w.Engine.Query(ctx, r)
	return result, w.check(err)
}

// watchedLog is the log as the doors use it. After an append whose outcome is
// unclear it takes nothing more, and the node must be started again.
type watchedLog struct {
	*journal.Log
	node *Node
}

// Append stores an envelope, if every stream in it is there.
func (w watchedLog) Append(ctx context.Context, env *record.Envelope, data []byte) error {
	if err := w.node.gate.fits(int64(len(data))); err != nil {
		return err
	}
	w.node.appending.RLock()
	defer w.node.appending.RUnlock()
	for i := range env.Sections {
		if !w.node.accepts(env.Sections[i].Stream) {
			return record.Errorf(record.Unavailable, "a stream left the project and its table was dropped while the request was under way: send again what is of others")
		}
	}
	err := w.Log.Append(ctx, env, data)
	if err != nil && record.KindOf(err) == record.Internal {
		w.node.fail(err)
	}
	return err
}

// accepts says whether records of a stream may still be stored.
func (n *Node) accepts(id record.StreamID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.streams[id]
	return s != nil && !s.ended.Load()
}
