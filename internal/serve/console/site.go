package console

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

// The demo's site: a page that lists its articles, and one for each. They are pages
// such as anybody's: what they send goes by /biwa.js and a public key.
func sitePage() *page {
	return &page{path: "/demo", file: "site.html", load: loadSite, live: []string{"reads", "mine"}}
}

func articlePage() *page {
	return &page{path: "/demo/{article}", file: "site.html", load: loadSite, live: []string{"reads", "mine"}}
}

type siteData struct {
	Key      string
	Props    string // of the page's views, as JSON
	Articles []read
	Article  *read // nil on the list
	Mine     []click
	Visible  time.Duration // how long the stream's last records took from receipt to SQL
}

// read is an article with how often it was opened today.
type read struct {
	Article
	Views int64
	Mine  int64 // not by the generated traffic
}

// click is a page view that nobody generated.
type click struct {
	ID         string    `json:"id"`
	ReceivedAt time.Time `json:"received_at"`
	Title      *string   `json:"article_title"`
	URL        string    `json:"url"`
}

const (
	readsSQL = `select article_id, count(*) as views, count(*) filter (where generated is not true) as mine
from page_views where ts >= date_trunc('day', now()) group by article_id`
	clicksSQL = `select _record_id::varchar as id, _received_at as received_at, article_title, url
from page_views where generated is not true and ts >= now() - interval 1 hour order by _received_at desc limit 6`
)

func loadSite(ctx context.Context, c *Console, v *Visit) (any, error) {
	d := siteData{Key: c.Demo.Key(), Props: "{}"}
	var counts []struct {
		Article *int64 `json:"article_id"`
		Views   int64  `json:"views"`
		Mine    int64  `json:"mine"`
	}
	if err := c.Node.Rows(ctx, readsSQL, &counts); err != nil {
		return nil, err
	}
	for _, a := range c.Demo.Articles() {
		r := read{Article: a}
		for _, n := range counts {
			if n.Article != nil && *n.Article == a.ID {
				r.Views, r.Mine = n.Views, n.Mine
			}
		}
		d.Articles = append(d.Articles, r)
	}
	if name := v.Request.PathValue("article"); name != "" {
		for i := range d.Articles {
			if strconv.FormatInt(d.Articles[i].ID, 10) == name {
				d.Article = &d.Articles[i]
				d.Props = fmt.Sprintf(`{"article_id":%d}`, d.Article.ID)
			}
		}
		if d.Article == nil {
			return nil, record.Errorf(record.NotFound, "the site has no article %q", name)
		}
	}
	for _, s := range v.Frame.Streams {
		if s.Name == viewStream {
			d.Visible = s.Visible
		}
	}
	return d, c.Node.Rows(ctx, clicksSQL, &d.Mine)
}

// viewStream takes the site's page views.
const viewStream = "page_views"

// Seen is the address of the image that counts a view where no script runs.
func (d siteData) Seen() string {
	var id int64 // the list is no article
	if d.Article != nil {
		id = d.Article.ID
	}
	return fmt.Sprintf("/demo/%d/seen?id=%s", id, rand.Text())
}

// visitorCookie names a visitor without scripts.
const visitorCookie = "biwa_demo_visitor"

// seen answers the image of a page whose scripts do not run, and sends the view
// that biwa.js would have sent.
func (c *Console) seen(w http.ResponseWriter, r *http.Request) {
	if _, ok := c.visit(w, r, access.Read); !ok {
		return
	}
	visitor := rand.Text()
	if cookie, err := r.Cookie(visitorCookie); err == nil && cookie.Value != "" {
		visitor = cookie.Value
	}
	c.keep(w, r, visitorCookie, visitor, 365*24*time.Hour)
	view := map[string]any{"event_id": r.URL.Query().Get("id"), "ts": c.Now().UTC(), "event": "page_view", "visitor_id": visitor, "url": r.Referer(), "user_agent": r.UserAgent()}
	if view["url"] == "" {
		view["url"] = "http://" + r.Host + r.URL.Path
	}
	if id, err := strconv.ParseInt(r.PathValue("article"), 10, 64); err == nil && id != 0 {
		view["props"] = map[string]any{"article_id": id}
	}
	line, err := json.Marshal(view)
	if err == nil {
		_, err = c.Demo.Send(r.Context(), viewStream, r.UserAgent(), line)
	}
	if err != nil {
		problem.Write(w, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}
