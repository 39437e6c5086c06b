package record

// RewriteJob tells the engine which files to write anew, and how: compaction
// turns many young files into few that are sorted and partitioned.
type RewriteJob struct {
	Sources []File
	// Schema is the table's now, with field ids; a column that a source does not
	// have is null in its rows.
	Schema     Schema
	TimeColumn string   // for the bounds of the files written, "" for none
	Partition  []string // identity columns of Schema; a file holds one value of each
	SortBy     []string // columns the rows of each partition are sorted by
	// TargetBytes is about how large a file becomes before the next one starts.
	TargetBytes int64
	// Path names the n-th file, counted from 0, of a partition's values.
	Path func(partition []any, n int) string
}
