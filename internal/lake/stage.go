package lake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	iceberg "github.com/apache/iceberg-go"
	icetable "github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/biwa-data/biwa/internal/record"
)

// change is what one commit does to one table.
type change struct {
	table   *table
	add     []row
	remove  []string // paths of files
	rewrite bool     // add holds the same rows as remove
	updates []icetable.Update
	// retimed says that the event time is another column from here on: the times that
	// are known of the files are not its.
	retimed bool
	expire  []int64 // snapshots
}

// staged is the metadata of a table after its change, written but not yet
// durable, and not yet the table's.
type staged struct {
	change
	state
	files    *staging
	snapshot int64 // 0 if the change made none
	sequence int64 // Iceberg's sequence number of the table after it
	// dropped are manifests that the snapshot no longer names, while older ones
	// do; unreachable are files that no metadata of ours names any more.
	dropped, unreachable []string
}

// stage writes the metadata of a table with its change. The caller holds the
// table's commits.
func (l *Lake) stage(ctx context.Context, c change) (*staged, error) {
	s := &staged{change: c, files: newStaging(ctx, l.store)}
	if err := l.fill(ctx, s); err != nil {
		s.files.discard()
		return nil, fmt.Errorf("stage table %s: %w", c.table.name, err)
	}
	return s, nil
}

func (l *Lake) fill(ctx context.Context, s *staged) (err error) {
	t := s.table
	updates := slices.Clone(s.updates)
	if len(s.add)+len(s.remove) > 0 {
		more, err := l.produce(ctx, s)
		if err != nil {
			return err
		}
		updates = append(updates, more...)
	}
	if s.expire = l.expiry(s.change, len(updates) > 0); len(s.expire) > 0 {
		updates = append(updates, icetable.NewRemoveSnapshotsUpdate(s.expire, false))
	}
	if s.metadata, err = icetable.UpdateTableMetadata(t.metadata, updates, t.location); err != nil {
		return err
	}
	if s.schema, err = schemaOf(s.metadata); err != nil {
		return err
	}
	if err := l.writeMetadata(s, metadataNumber(t.location)+1); err != nil {
		return err
	}
	if s.manifests, err = manifestsOf(s.files, l.store, s.metadata); err != nil {
		return err
	}
	if err := l.compare(t, s); err != nil {
		return err
	}
	return l.tidy(s)
}

// produce lets iceberg-go write the manifests of the change.
func (l *Lake) produce(ctx context.Context, s *staged) ([]icetable.Update, error) {
	t := s.table
	added := make([]iceberg.DataFile, len(s.add))
	for i := range s.add {
		var err error
		if added[i], err = dataFile(l.store, t.metadata, t.schema, &s.add[i].File); err != nil {
			return nil, err
		}
	}
	view := icetable.New(icetable.Identifier{Namespace, t.name}, t.metadata, t.location, s.files.fileSystem, nil)
	tx := view.NewTransaction()
	if err := produceWith(ctx, tx, l, s, added); err != nil {
		return nil, err
	}
	commit, err := tx.TableCommit()
	if err != nil {
		return nil, err
	}
	return commit.Updates, nil
}

func produceWith(ctx context.Context, tx *icetable.Transaction, l *Lake, s *staged, added []iceberg.DataFile) error {
	if len(s.remove) == 0 {
		return tx.AddDataFiles(ctx, added, nil, icetable.WithoutDuplicateCheck(), icetable.WithoutAutoNameMapping())
	}
	removed := make([]iceberg.DataFile, len(s.remove))
	for i, p := range s.remove {
		var err error
		if removed[i], err = named(l.store.URI(p)); err != nil {
			return err
		}
	}
	if s.rewrite {
		return tx.NewRewrite(nil).ApplyResult(icetable.CompactionGroupResult{OldDataFiles: removed, NewDataFiles: added}).Commit(ctx)
	}
	return tx.ReplaceDataFilesWithDataFiles(ctx, removed, added, nil, icetable.WithoutAutoNameMapping())
}

// named stands for a file to remove: iceberg-go looks it up by its address.
func named(uri string) (iceberg.DataFile, error) {
	b, err := iceberg.NewDataFileBuilder(*iceberg.UnpartitionedSpec, iceberg.EntryContentData, uri, iceberg.ParquetFile, nil, nil, nil, 1, 1)
	if err != nil {
		return nil, err
	}
	return b.Build(), nil
}

// expiry is the snapshots the change removes: those it names, and in a commit
// that makes one, the older half once there are twice as many as are kept.
func (l *Lake) expiry(c change, makes bool) []int64 {
	if len(c.expire) > 0 || !makes {
		return c.expire
	}
	if len(c.table.metadata.Snapshots()) < 2*l.o.KeepSnapshots {
		return nil
	}
	return expirable(c.table.metadata, func(newer int, _ icetable.Snapshot) bool { return newer >= l.o.KeepSnapshots })
}

// expirable is the snapshots for which old holds, but none that a branch or tag
// names and none younger than one of those: what a snapshot dropped is found by
// its sequence number, which is exact only while the oldest go first. newer is
// how many snapshots are younger.
func expirable(m icetable.Metadata, old func(newer int, s icetable.Snapshot) bool) []int64 {
	referenced := map[int64]bool{}
	for _, ref := range m.Refs() {
		referenced[ref.SnapshotID] = true
	}
	snapshots := slices.Clone(m.Snapshots())
	slices.SortFunc(snapshots, func(a, b icetable.Snapshot) int { return int(a.SequenceNumber - b.SequenceNumber) })
	var ids []int64
	for i, s := range snapshots {
		if referenced[s.SnapshotID] || !old(len(snapshots)-1-i, s) {
			break
		}
		ids = append(ids, s.SnapshotID)
	}
	return ids
}

// metadataSuffix ends the name of a metadata file, which begins with the table's version
// in five digits or more and a hyphen.
const metadataSuffix = ".metadata.json"

// writeMetadata stages the metadata file.
func (l *Lake) writeMetadata(s *staged, number int) error {
	text, err := json.Marshal(s.metadata)
	if err != nil {
		return err
	}
	s.location = s.metadata.Location() + fmt.Sprintf("/metadata/%05d-%s%s", number, uuid.NewString(), metadataSuffix)
	return s.files.WriteFile(s.location, bytes.TrimSpace(text))
}

// compare finds what the new metadata no longer names.
func (l *Lake) compare(t *table, s *staged) error {
	s.sequence = s.metadata.LastSequenceNumber()
	before, now := t.metadata.CurrentSnapshot(), s.metadata.CurrentSnapshot()
	if now != nil && (before == nil || before.SnapshotID != now.SnapshotID) {
		s.snapshot = now.SnapshotID
	}
	for p := range t.manifests {
		if !s.manifests[p] {
			s.dropped = append(s.dropped, p)
		}
	}
	slices.Sort(s.dropped)

	var gone []string // addresses
	for _, id := range s.expire {
		if snapshot := t.metadata.SnapshotByID(id); snapshot != nil {
			gone = append(gone, snapshot.ManifestList)
		}
	}
	named := map[string]bool{s.location: true}
	for e := range s.metadata.PreviousFiles() {
		named[e.MetadataFile] = true
	}
	for e := range t.metadata.PreviousFiles() {
		if !named[e.MetadataFile] {
			gone = append(gone, e.MetadataFile)
		}
	}
	for _, uri := range gone {
		p, err := l.store.Path(uri)
		if err != nil {
			return err
		}
		s.unreachable = append(s.unreachable, p)
	}
	return nil
}

// tidy removes the manifests that iceberg-go wrote on the way and merged into
// another one: nothing names them.
func (l *Lake) tidy(s *staged) error {
	list := ""
	if now := s.metadata.CurrentSnapshot(); now != nil {
		list = now.ManifestList
	}
	for _, p := range s.files.paths() {
		uri := l.store.URI(p)
		if s.manifests[p] || uri == list || uri == s.location {
			continue
		}
		if err := s.files.Remove(uri); err != nil {
			return err
		}
	}
	return nil
}

// oldest is the sequence number of the oldest snapshot that is left: whatever
// was dropped at or before it, no snapshot names.
func (s *staged) oldest() int64 {
	oldest := s.sequence
	for _, snapshot := range s.metadata.Snapshots() {
		oldest = min(oldest, snapshot.SequenceNumber)
	}
	return oldest
}

func rowsOf(files []record.File, young bool, spec func(*record.File) (int, error)) ([]row, error) {
	rows := make([]row, len(files))
	for i := range files {
		id, err := spec(&files[i])
		if err != nil {
			return nil, err
		}
		rows[i] = row{File: files[i], spec: id, young: young}
		if rows[i].Partition, err = plainValues(files[i].Partition); err != nil {
			return nil, fmt.Errorf("file %s: %w", files[i].Path, err)
		}
	}
	return rows, nil
}
