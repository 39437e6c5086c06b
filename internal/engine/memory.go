package engine

import (
	"context"
	"fmt"
)

// Memory is what the engine's memory and its spill files hold now, in bytes. Queries
// and recent rows share both.
func (e *Engine) Memory(ctx context.Context) (memory, spilled int64, err error) {
	c, err := e.reader.take(ctx, nil)
	if err != nil {
		return 0, 0, err
	}
	defer e.reader.give(c)
	texts, err := c.text(ctx, "SELECT sum(memory_usage_bytes)::VARCHAR || ' ' || sum(temporary_storage_bytes)::VARCHAR FROM duckdb_memory()")
	if err != nil || len(texts) != 1 {
		return 0, 0, fmt.Errorf("memory of the SQL engine: %w", err)
	}
	_, err = fmt.Sscan(texts[0], &memory, &spilled)
	return memory, spilled, err
}
