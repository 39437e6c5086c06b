package lake

import (
	"github.com/biwa-data/biwa/internal/record"
	"github.com/biwa-data/biwa/internal/world"
)

// The bounds of event time by which files are left out of a query are those of the
// table's time column. When that becomes another one, nothing is known of the files
// that are there, and of those which a flush or a compaction writes by the one before:
// they are always read, until they are rewritten.

// timeField is the field id of the table's time column, 0 for none.
func (s *state) timeField() int { return fieldOf(s.schema, s.timeColumn()) }

func fieldOf(schema record.Schema, name string) int {
	if at := schema.Index(name); at >= 0 {
		return schema[at].FieldID
	}
	return 0
}

// judgeTimes forgets the times of files that are not those of the table's time column.
// The caller holds commits.
func (t *table) judgeTimes(rows []row, field int) {
	if field == 0 || field == t.timeField() {
		return
	}
	for i := range rows {
		timeless(&rows[i].File)
	}
}

func timeless(f *record.File) { f.HasTime, f.MinTime, f.MaxTime = false, 0, 0 }

// forgetTimes forgets those of all that a World's table has.
func forgetTimes(w *world.Table) {
	files := w.Files.All()
	for i := range files {
		timeless(&files[i])
	}
	w.Files = world.FileIndex{}.Add(files...)
	for _, g := range w.Recent {
		g.ForgetTimes()
	}
}
