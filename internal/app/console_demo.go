package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// Rows runs a statement in the project's zone and decodes its rows, as JSON objects,
// into a slice.
func (p pagesOf) Rows(ctx context.Context, sql string, into any) error {
	p.node.asked.Add("console", 1)
	rows, err := list[json.RawMessage](ctx, p.node, sql)
	if err != nil {
		return err
	}
	texts := make([][]byte, len(rows))
	for i, row := range rows {
		texts[i] = row
	}
	if err := json.Unmarshal(append(append([]byte{'['}, bytes.Join(texts, []byte{','})...), ']'), into); err != nil {
		return fmt.Errorf("the answer of %s: %w", sql, err)
	}
	return nil
}
