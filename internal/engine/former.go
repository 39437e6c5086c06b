package engine

import (
	"fmt"
	"strings"

	"github.com/biwa-data/biwa/internal/world"
)

// withFormer lets an error about a column that is not there say what became of it,
// where one of the statement's tables has renamed or dropped it.
func withFormer(err error, w *world.World, tables map[string]bool, views map[string]*view) error {
	e, ok := asSQLError(err)
	if !ok {
		return err
	}
	message := strings.ToLower(e.Message)
	if !strings.Contains(message, "not found") && !strings.Contains(message, "does not have a column") {
		return err
	}
	for key := range tables {
		v := views[key]
		if v == nil || w.Table(v.table) == nil {
			continue
		}
		for name, now := range w.Table(v.table).Former {
			if !strings.Contains(message, `"`+name+`"`) {
				continue
			}
			if now == "" {
				e.Message += fmt.Sprintf(": it was dropped from table %s", v.table)
				e.Suggestion = ""
			} else {
				e.Message += fmt.Sprintf(": table %s calls it %s now", v.table, now)
				e.Suggestion = now
			}
			return err
		}
	}
	return err
}
