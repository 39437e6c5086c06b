package lake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
	"github.com/biwa-data/biwa/internal/record"
)

// Rewriter is the engine behind compaction.
type Rewriter interface {
	// Rewrite writes the rows of the sources into new files.
	Rewrite(ctx context.Context, job record.RewriteJob) ([]record.File, error)
	Tallier
}

// Tallier counts what files hold.
type Tallier interface {
	// TallyFiles counts the rows of files and sums the hashes of their record ids.
	TallyFiles(ctx context.Context, files []record.File) (record.Tally, error)
}

// CompactOptions says when and how much to compact; zero values mean the defaults.
type CompactOptions struct {
	TargetBytes   int64 // about how large a file becomes; 128 MiB
	MinYoungFiles int   // young files that start a job, whatever their size; 64
	MinSmallFiles int   // files of one partition, smaller than half the target, that start one; 8
	MaxPartitions int   // partitions, or days of young rows, in one job; 8
	MaxJobBytes   int64 // of the sources of one job; 8 times TargetBytes
	// Force starts a job with any young file, and any partition of two small ones.
	Force bool
}

func (o CompactOptions) withDefaults() CompactOptions {
	if o.TargetBytes == 0 {
		o.TargetBytes = 128 << 20
	}
	if o.MinYoungFiles == 0 {
		o.MinYoungFiles = 64
	}
	if o.MinSmallFiles == 0 {
		o.MinSmallFiles = 8
	}
	if o.MaxPartitions == 0 {
		o.MaxPartitions = 8
	}
	if o.MaxJobBytes == 0 {
		o.MaxJobBytes = 8 * o.TargetBytes
	}
	if o.Force {
		o.MinYoungFiles, o.MinSmallFiles = 1, 2
	}
	return o
}

// Result is what one job of Compact did; Sources is 0 if there was nothing to do.
type Result struct {
	Sources, Files int // before and after
	Rows           int64
	Bytes          int64 // of the sources
	Snapshot       int64
}

// Compact runs at most one job on a table: it rewrites young files into the
// table's partitions, sorted by event time, or merges the small files of some
// partitions. Flushes go on meanwhile. Rows are neither lost nor doubled: the
// tally of the new files must equal that of the old ones before the commit.
func (l *Lake) Compact(ctx context.Context, name string, engine Rewriter, o CompactOptions) (Result, error) {
	t, err := l.table(name)
	if err != nil {
		return Result{}, fmt.Errorf("compact: %w", err)
	}
	t.maintenance.Lock()
	defer t.maintenance.Unlock()
	sources, err := l.choose(ctx, t, o.withDefaults())
	if err != nil || len(sources) == 0 {
		return Result{}, err
	}
	result, err := l.rewrite(ctx, t, sources, engine, o.withDefaults())
	if err != nil {
		return Result{}, fmt.Errorf("compact %s: %w", name, err)
	}
	return result, nil
}

// choose is the files of the next job, none if none is due.
func (l *Lake) choose(ctx context.Context, t *table, o CompactOptions) ([]row, error) {
	metadata := t.now()
	var rows []row
	err := l.meta.View(ctx, func(q meta.Querier) (err error) {
		rows, err = fileRows(ctx, q, t.name, metadata)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compact %s: %w", t.name, err)
	}
	current := t.now().DefaultPartitionSpec() // no older than the rows
	if sources := chooseYoung(rows, current, o); len(sources) > 0 {
		return sources, nil
	}
	return chooseSmall(rows, current, o), nil
}

// chooseYoung takes the oldest young files by event time, and those of an
// earlier partition spec with them, as far as a job goes. A file whose rows are
// spread over many days can only be rewritten whole, so it may be a job by itself.
func chooseYoung(rows []row, current int, o CompactOptions) []row {
	var young []row
	bytes, stale := int64(0), false
	for _, r := range rows {
		if r.young || r.spec != current && r.spec != youngSpec {
			young = append(young, r)
			bytes += r.Bytes
			stale = stale || !r.young
		}
	}
	if len(young) == 0 || len(young) < o.MinYoungFiles && bytes < o.TargetBytes && !stale {
		return nil
	}
	slices.SortStableFunc(young, func(a, b row) int { return compareInt(a.MinTime, b.MinTime) })
	n, size := 0, int64(0)
	first, last := young[0].MinTime, young[0].MaxTime
	for n < len(young) {
		r := young[n]
		last = max(last, r.MaxTime)
		days := (last - first) / (24 * time.Hour).Microseconds()
		if n > 0 && (size+r.Bytes > o.MaxJobBytes || days >= int64(o.MaxPartitions)) {
			break
		}
		size += r.Bytes
		n++
	}
	return young[:n]
}

// chooseSmall takes the partitions that have the most small files.
func chooseSmall(rows []row, current int, o CompactOptions) []row {
	small := map[string][]row{}
	for _, r := range rows {
		if !r.young && r.spec == current && r.Bytes < o.TargetBytes/2 {
			key := fmt.Sprintf("%#v", r.Partition)
			small[key] = append(small[key], r)
		}
	}
	maps.DeleteFunc(small, func(_ string, files []row) bool { return len(files) < o.MinSmallFiles })
	keys := slices.SortedFunc(maps.Keys(small), func(a, b string) int {
		if d := len(small[b]) - len(small[a]); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	var sources []row
	size := int64(0)
	for _, key := range keys[:min(len(keys), o.MaxPartitions)] {
		for _, r := range small[key] {
			if len(sources) > 1 && size+r.Bytes > o.MaxJobBytes {
				return sources
			}
			sources = append(sources, r)
			size += r.Bytes
		}
	}
	return sources
}

func compareInt(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// rewrite runs a job. The caller holds the table's maintenance, so its sources
// stay the table's until it commits.
func (l *Lake) rewrite(ctx context.Context, t *table, sources []row, engine Rewriter, o CompactOptions) (result Result, err error) {
	t.commits.Lock()
	now := t.state
	partition := t.partition(t.schema)
	t.commits.Unlock()
	job := record.RewriteJob{
		Sources: filesOf(sources), Schema: now.schema, TimeColumn: now.timeColumn(), Partition: partition,
		SortBy: sortColumns(now), TargetBytes: o.TargetBytes,
		Path: func([]any, int) string { return l.Path(t.name) },
	}
	outputs, err := engine.Rewrite(ctx, job)
	defer func() {
		if err != nil && !errors.Is(err, meta.ErrUncertain) {
			l.discardFiles(ctx, outputs)
		}
	}()
	if err != nil {
		return result, err
	}
	if err := sameRows(ctx, engine, job.Sources, outputs); err != nil {
		return result, err
	}
	c := Commit{}
	if result.Snapshot, err = l.replace(ctx, t, &c, job.Sources, outputs, now.timeField()); err != nil {
		return result, err
	}
	result.Sources, result.Files = len(sources), len(outputs)
	for _, f := range job.Sources {
		result.Rows += f.Rows
		result.Bytes += f.Bytes
	}
	return result, nil
}

func sortColumns(s state) []string {
	var columns []string
	for _, name := range []string{s.timeColumn(), record.ColumnRecordID} {
		if name != "" && s.schema.Index(name) >= 0 {
			columns = append(columns, name)
		}
	}
	return columns
}

// sameRows refuses outputs that do not hold exactly the rows of the sources.
func sameRows(ctx context.Context, engine Tallier, sources, outputs []record.File) error {
	before, err := engine.TallyFiles(ctx, sources)
	if err != nil {
		return fmt.Errorf("tally the sources: %w", err)
	}
	after, err := engine.TallyFiles(ctx, outputs)
	if err != nil {
		return fmt.Errorf("tally the files written: %w", err)
	}
	var indexed, written int64
	for _, f := range sources {
		indexed += f.Rows
	}
	for _, f := range outputs {
		written += f.Rows
	}
	if before != after || indexed != before.Count || written != after.Count {
		return fmt.Errorf("the rewrite would change the rows: %d with hash %d (index: %d) became %d with hash %d (files say %d); nothing was changed",
			before.Count, before.Hash, indexed, after.Count, after.Hash, written)
	}
	return nil
}

// replace commits files in place of others that hold the same rows. The outputs
// have the default spec, and are not young even where that is unpartitioned; their
// times are those of a field.
func (l *Lake) replace(ctx context.Context, t *table, c *Commit, sources, outputs []record.File, timeField int) (int64, error) {
	_, unlock, err := l.lock([]string{t.name})
	if err != nil {
		return 0, err
	}
	defer unlock()
	remove := make([]string, len(sources))
	for i := range sources {
		remove[i] = sources[i].Path
	}
	err = l.attempt(ctx, c, func() ([]change, error) {
		rows, err := rowsOf(outputs, false, func(f *record.File) (int, error) {
			spec, err := specOf(t.metadata, f)
			if err != nil {
				return 0, err
			}
			return spec.ID(), nil
		})
		t.judgeTimes(rows, timeField)
		return []change{{table: t, add: rows, remove: remove, rewrite: true}}, err
	})
	return c.Snapshots[t.name], err
}

// discardFiles removes data files that no commit took. One that stays for an
// error is an orphan, which the next Open or RemoveOrphans finds.
func (l *Lake) discardFiles(ctx context.Context, files []record.File) {
	for i := range files {
		_ = l.store.Delete(context.WithoutCancel(ctx), files[i].Path)
	}
}
