package api

import (
	"embed"
	"errors"
	"html/template"
	"io"
	"net/http"
	"strings"

	"github.com/biwa-data/biwa/internal/problem"
	"github.com/biwa-data/biwa/internal/record"
)

//go:embed page
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "page/*.html"))

// maxPageRows bounds the table on the SQL page.
const maxPageRows = 200

func (s *Server) style(w http.ResponseWriter, _ *http.Request) {
	text, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		problem.Write(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write(text)
}

func (s *Server) show(w http.ResponseWriter, status int, name string, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	if err := pages.ExecuteTemplate(w, name, data); err != nil {
		s.Log.Warn("page", "name", name, "error", err)
	}
}

type sqlPage struct {
	Project, Zone string
	SQL, Problem  string
	Columns       []Column
	Rows          [][]string
	More          bool
	Stats         *Stats
}

// sqlPage runs the statement in ?q=, so that a link holds a query.
func (s *Server) sqlPage(w http.ResponseWriter, r *http.Request) {
	page := sqlPage{Project: s.Project, Zone: s.Location().String(), SQL: r.URL.Query().Get("q")}
	status := http.StatusOK
	if page.SQL != "" {
		if err := s.runPage(r, &page); err != nil {
			page.Problem, status = err.Error(), problem.Status(err)
		}
	}
	s.show(w, status, "sql.html", page)
}

func (s *Server) runPage(r *http.Request, page *sqlPage) error {
	if len(page.SQL) > maxStatement {
		return record.Errorf(record.TooLarge, "the statement is over %d bytes", maxStatement)
	}
	rows, err := s.Engine.Query(r.Context(), Query{SQL: page.SQL, Location: s.Location(), By: "console"})
	if err != nil {
		return err
	}
	defer rows.Close()
	page.Columns = rows.Columns()
	values := valueWriter{location: s.Location()}
	for {
		batch, err := rows.Next(r.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		for i := 0; i < int(batch.NumRows()) && !page.More; i++ {
			if len(page.Rows) == maxPageRows {
				page.More = true
				break
			}
			row := make([]string, len(page.Columns))
			for c, column := range batch.Columns() {
				row[c] = strings.Clone(values.text(column, i, page.Columns[c].Type)) // the batch's memory goes with it
			}
			page.Rows = append(page.Rows, row)
		}
		batch.Release()
		if page.More {
			break
		}
	}
	stats := rows.Stats()
	page.Stats = &stats
	return nil
}
