package app

import (
	"context"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// Verify recounts the tables from their files.
func (p pagesOf) Verify(ctx context.Context, full bool) (ledger.Verification, error) {
	return p.node.Verify(ctx, full)
}

// Trace is the whole life of one record.
func (p pagesOf) Trace(ctx context.Context, id record.RecordID) (api.Trace, error) {
	return p.node.Trace(ctx, id)
}
