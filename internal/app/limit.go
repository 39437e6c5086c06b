package app

import "time"

// Limits bound a node; zero values take the defaults.
type Limits struct {
	BodyBytes         int64         // of a request; default 32 MiB
	InFlightBytes     int64         // of requests being stored; default 64 MiB
	JournalBytes      int64         // of the young log; default 1 GiB
	TailBytes         int64         // of the log kept in memory; default 64 MiB
	RecentBytes       int64         // of rows in no file yet; default 256 MiB
	MemoryBytes       int64         // of the SQL engine; default 2 GiB
	TempBytes         int64         // of the SQL engine's spill files; default 16 GiB
	DiskReserve       int64         // free bytes below which the doors are shut; default 1 GiB
	HeavyQueries      int           // at a time; default 2
	QueueLength       int           // heavy queries that wait; default 64
	QueryTime         time.Duration // default 10 min
	IdleRead          time.Duration // default 1 min
	IdempotencyWindow time.Duration // default 24 h
	FlushBytes        int64         // default 64 MiB
	FlushAge          time.Duration // default 10 s
	EvolveColumns     int           // an hour of receipt, of each stream; default shape.EvolveColumns
}

func (l *Limits) ensureDefaults() {
	set(&l.BodyBytes, 32<<20)
	set(&l.InFlightBytes, 64<<20)
	set(&l.JournalBytes, 1<<30)
	set(&l.TailBytes, 64<<20)
	set(&l.RecentBytes, 256<<20)
	set(&l.MemoryBytes, 2<<30)
	set(&l.TempBytes, 16<<30)
	set(&l.DiskReserve, 1<<30)
	set(&l.HeavyQueries, 2)
	set(&l.QueueLength, 64)
	set(&l.QueryTime, 10*time.Minute)
	set(&l.IdleRead, time.Minute)
	set(&l.IdempotencyWindow, 24*time.Hour)
	set(&l.FlushBytes, 64<<20)
	set(&l.FlushAge, 10*time.Second)
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
