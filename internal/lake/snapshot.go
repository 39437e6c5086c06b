package lake

import (
	"slices"
	"strconv"
	"time"
)

// Snapshot is one commit to a table, as its metadata tells.
type Snapshot struct {
	ID                       int64
	Sequence                 int64 // numbers the table's commits
	At                       time.Time
	Operation                string // append, replace, overwrite, delete
	AddedRows, RemovedRows   int64
	AddedFiles, RemovedFiles int64
}

// Snapshots lists a table's snapshots that have not expired, newest first.
func (l *Lake) Snapshots(name string) ([]Snapshot, error) {
	t, err := l.table(name)
	if err != nil {
		return nil, err
	}
	t.commits.Lock()
	metadata := t.metadata
	t.commits.Unlock()
	var list []Snapshot
	for _, s := range metadata.Snapshots() {
		one := Snapshot{ID: s.SnapshotID, Sequence: s.SequenceNumber, At: time.UnixMilli(s.TimestampMs).UTC()}
		if s.Summary != nil {
			count := func(key string) int64 {
				n, _ := strconv.ParseInt(s.Summary.Properties[key], 10, 64) // absent where there is none
				return n
			}
			one.Operation = string(s.Summary.Operation)
			one.AddedRows, one.RemovedRows = count("added-records"), count("deleted-records")
			one.AddedFiles, one.RemovedFiles = count("added-data-files"), count("deleted-data-files")
		}
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b Snapshot) int { return int(b.Sequence - a.Sequence) })
	return list, nil
}
