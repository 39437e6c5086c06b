package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
)

// settingRuns holds when the node ran, as JSON: what tells a time without records
// from a time without a node.
const settingRuns = "node.runs"

// runsKept is how many runs are remembered.
const runsKept = 100

// run is a time during which the node ran; To is when it was last seen to.
type run struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// noteRun says that the node runs now; from is when this run began.
func (n *Node) noteRun(ctx context.Context) error {
	now := n.clock.Now()
	err := n.meta.Update(ctx, func(tx *sql.Tx) error {
		runs, err := readRuns(ctx, tx)
		if err != nil {
			return err
		}
		if last := len(runs) - 1; last >= 0 && runs[last].From.Equal(n.began) {
			runs[last].To = now
		} else {
			runs = append(runs, run{n.began, now})
		}
		runs = runs[max(0, len(runs)-runsKept):]
		text, err := json.Marshal(runs)
		if err != nil {
			return err
		}
		return meta.Set(ctx, tx, settingRuns, string(text))
	})
	if err != nil {
		return fmt.Errorf("note that the node runs: %w", err)
	}
	return nil
}

func readRuns(ctx context.Context, q meta.Querier) (runs []run, err error) {
	text, err := meta.Setting(ctx, q, settingRuns)
	if err != nil || text == "" {
		return nil, err
	}
	return runs, json.Unmarshal([]byte(text), &runs)
}

// runs lists when the node ran, the present time last.
func (n *Node) runs(ctx context.Context) (runs []run, err error) {
	err = n.meta.View(ctx, func(q meta.Querier) (err error) {
		runs, err = readRuns(ctx, q)
		return err
	})
	if last := len(runs) - 1; err == nil && last >= 0 {
		runs[last].To = n.clock.Now()
	}
	return runs, err
}
