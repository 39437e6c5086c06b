package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/shape"
)

func evolving() shape.Definition {
	d := columns("id", "int")
	d.UnknownFields = shape.UnknownEvolve
	return d
}

// A guessed column that has to hold another kind of value becomes wider: what is in
// files, what is recent, and what is on the log by the narrower definition, all has the
// text that was sent.
func TestAGuessedColumnIsWidened(t *testing.T) {
	p := newProject(t, one("s", evolving()))
	n := p.start()
	n.Send("s", `{"id":1,"n":1,"b":true,"big":9223372036854775807}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	n.Send("s", `{"id":2,"n":22,"b":false,"big":5}`) // recent, of the narrower type
	n.Send("s", `{"id":3,"n":"007","b":12,"big":9223372036854775808}`)
	n.Send("s", `{"id":4,"n":true,"b":"+1","big":"x"}`)
	n.Send("s", `{"id":5,"n":1.50,"b":{"c":1},"big":null}`)
	if got := flat(n.Query("SELECT column_name, column_type FROM (DESCRIBE s) WHERE column_name IN ('n', 'b', 'big')")); got != "n VARCHAR; b VARCHAR; big VARCHAR" {
		t.Errorf("columns %s", got)
	}
	if status, page, _ := n.Do(http.MethodGet, "/tables/s", ""); status != http.StatusOK || strings.Contains(page, `class="said bad"`) {
		t.Errorf("the table's page: %d %s", status, page)
	}
	everywhere(t, p, n, "SELECT id, n, b, big, _extra FROM s ORDER BY id",
		`1 1 true 9223372036854775807 <nil>; 2 22 false 5 <nil>; 3 007 12 9223372036854775808 <nil>; 4 true +1 x <nil>; 5 1.50 {"c":1} <nil> <nil>`)
}

func TestWidenedRowsAreReadFromTheLogAgain(t *testing.T) {
	p := newProject(t, one("s", evolving()))
	hold := make(chan struct{})
	held := func(o *app.Options) { o.Hold = hold }
	n := p.start()
	for _, line := range []string{`{"id":1,"n":1}`, `{"id":2,"n":"x"}`, `{"id":3,"n":3}`} {
		n.Send("s", line)
	}
	p.data = n.Image() // killed before anything is in a file
	n.Shutdown()
	n = p.start(held)
	close(hold)
	n.Await("the log is delivered", func() bool { return n.One("SELECT count(*) FROM s") == "3" })
	everywhere(t, p, n, "SELECT id, n FROM s WHERE n <> '' ORDER BY id", "1 1; 2 x; 3 3")
}

// A field whose name the table has as a column that the definition left out gets that
// column, whatever its first value is now.
func TestEvolveMeetsAColumnThatWasLeftOut(t *testing.T) {
	p := newProject(t, one("s", columns("id", "int", "n", "varchar", "d", "date")))
	n := p.start()
	n.Send("s", `{"id":1,"n":"old","d":"2026-05-01"}`)
	p.reload(n, one("s", evolving()))
	n.Send("s", `{"id":2,"n":5,"d":7,"N":1}`)
	if err := n.Ready(); err != nil {
		t.Fatal(err)
	}
	everywhere(t, p, n, "SELECT id, n, d::varchar, _extra FROM s ORDER BY id", "1 old 2026-05-01 <nil>; 2 5 <nil> map[N:1 d:7]")
}

// Who declares a column that was guessed may give it a type into which it can be widened.
func TestAGuessedColumnIsDeclaredAsText(t *testing.T) {
	p := newProject(t, one("s", evolving()))
	n := p.start()
	n.Send("s", `{"id":1,"n":1}`)
	if err := n.Flush(t.Context(), "s"); err != nil {
		t.Fatal(err)
	}
	if status, text := p.tryReload(n, one("s", columns("id", "int", "n", "double"))); status != http.StatusConflict || !strings.Contains(text, "column n is bigint and cannot become double") {
		t.Errorf("as a double: %d %s", status, text)
	}
	n.Send("s", `{"id":2,"n":2}`)
	p.reload(n, one("s", columns("id", "int", "n", "varchar")))
	n.Send("s", `{"id":3,"n":"x"}`)
	everywhere(t, p, n, "SELECT id, n FROM s WHERE n >= '1' ORDER BY id", "1 1; 2 2; 3 x")
}
