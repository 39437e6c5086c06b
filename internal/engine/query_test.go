package engine

import (
	"testing"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/biwa-data/biwa/internal/world"
)

func TestRecentAndFiles(t *testing.T) {
	e, worlds := openEngine(t, nil)
	ctx := t.Context()
	if err := e.CreateRecent(ctx, "g1", events); err != nil {
		t.Fatal(err)
	}
	batch := eventBatch(1000, 100, may1)
	defer batch.Release()
	if err := e.AppendRecent(ctx, "g1", []arrow.RecordBatch{batch, batch}); err != nil {
		t.Fatal(err)
	}
	f, err := e.WriteParquet(ctx, "ev/a.parquet", events, "ts", []arrow.RecordBatch{batch})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", f)
	worlds.Publish(func(d *world.Draft) {
		tab := d.Table("ev")
		tab.Schema, tab.SchemaVersion, tab.TimeColumn = events, 1, "ts"
		g := &world.Generation{Name: "g1", Schema: events}
		g.Grow(200, may1.UnixMicro(), may1.UnixMicro()+99e6)
		tab.Recent = append(tab.Recent, g)
		tab.Files = tab.Files.Add(f)
	}, nil)
	for _, sql := range []string{"select count(*), sum(_record_id), typeof(any_value(payload)) from ev", "describe ev", "show tables", "select * from ev where ts < '2026-01-01'", "select * from information_schema.columns c", "select payload.n, payload.tags[0], * from ev order by all limit 3", "select dateadd(day, 1, date '2026-01-01'), cardinality([1,2])", "explain select count(*) from ev where ts < '2026-01-01'"} {
		t.Log(sql, rows(t, e, sql))
	}
}
