package console_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestARemovedStreamIsMarkedEverywhere: its table and its account stay.
func TestARemovedStreamIsMarkedEverywhere(t *testing.T) {
	f := startFolder(t)
	f.write(t, "streams/stays.yaml", "columns:\n  - {name: a, type: varchar}\n")
	if _, err := f.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.some()
	f.Send("stays", `{"a":"1"}`)
	if err := f.Flush(t.Context(), "likes"); err != nil {
		t.Fatal(err)
	}
	id := f.One("SELECT _record_id::varchar FROM likes")
	b := visitor(t, f.Node)
	const mark = ` <small class="gone">removed from the project</small>`
	places := map[string]string{"/tables": `<a href="/tables/likes">likes</a>` + mark, "/tables/likes": "likes" + mark, "/ledger": `<a href="/streams/likes">likes</a>` + mark,
		"/ledger?hours=24": `<a href="/tables/likes">likes</a>` + mark, "/sql": `<code>likes</code>` + mark, "/quarantine?since=all": `<a href="/streams/likes">likes</a>` + mark, "/trace?id=" + id: mark}
	for path := range places {
		if strings.Contains(b.get(path), "removed from the project") {
			t.Errorf("%s: a stream of the project is marked", path)
		}
	}
	if err := os.Remove(filepath.Join(f.dir, "streams/likes.yaml")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.Await("the frame", func() bool { return strings.Contains(b.get("/streams"), "removed</span>") })
	for path, want := range places {
		page := b.get(path)
		wants(t, page, want)
		if strings.Contains(page, "stays"+mark) || strings.Contains(page, "stays</a>"+mark) {
			t.Errorf("%s: the other stream is marked too", path)
		}
	}
	page := b.get("/streams/likes")
	wants(t, page, "It was removed from the project: it takes no records, and its table stays.", "<code>streams/likes.yaml</code> it takes records again")
	if strings.Contains(page, `id="send"`) {
		t.Error("the page of a removed stream offers to send to it")
	}
	wants(t, b.get("/tables/likes"), "Its stream was removed from the project: no more records come, and the rows stay.")
	wants(t, b.get("/"), "Streams <data>1</data>")
	if status, _, _ := f.Do(http.MethodPost, "/v1/events/likes", fmt.Sprintf(`{"ts":%q,"page":"/z","what":"view"}`, now())); status != http.StatusNotFound {
		t.Errorf("a removed stream's door answers %d", status)
	}
}
