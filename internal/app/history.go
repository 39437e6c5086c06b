package app

import (
	"context"

	"github.com/biwa-data/biwa/internal/journal"
	"github.com/biwa-data/biwa/internal/record"
)

// history lets the idempotency index read what it had not saved, from where it
// lies: after a jump of the numbers only the archive has it.
type history struct {
	log      *journal.Log
	archived []*record.Envelope // not asked for yet
	listed   bool
}

func (h *history) Last() record.Sequence { return h.log.Last() }

func (h *history) EnvelopeAfter(ctx context.Context, after record.Sequence) (env *record.Envelope, err error) {
	if !h.listed {
		if h.archived, err = h.log.ArchivedAfter(ctx, after); err != nil {
			return nil, err
		}
		h.listed = true
	}
	if len(h.archived) > 0 {
		env, h.archived = h.archived[0], h.archived[1:]
		return env, nil
	}
	// After a jump of the numbers there may be none, though Last is higher.
	e, err := h.log.FirstAfter(ctx, after)
	if e == nil || err != nil {
		return nil, err
	}
	return e.Env, nil
}
