package demo

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/biwa-data/biwa/examples"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/record"
)

// Unpack writes the example project into dir and says whether it did: a project
// that is there already is left as it is.
func Unpack(dir string) (fresh bool, err error) {
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		return false, nil
	}
	site, err := examples.Publishing()
	if err != nil {
		return false, err
	}
	if err := refuseForeign(dir, site); err != nil {
		return false, err
	}
	// biwa.yaml comes last: with it, the project is whole.
	err = fs.WalkDir(site, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path == configFile {
			return err
		}
		return copyOut(dir, site, path)
	})
	if err != nil {
		return false, err
	}
	if _, err := project.WriteSchemas(dir); err != nil {
		return false, err
	}
	return true, copyOut(dir, site, configFile)
}

const configFile = "biwa.yaml"

// refuseForeign refuses a folder with files that are not the example's: somebody
// may have mistyped a name.
func refuseForeign(dir string, site fs.FS) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := fs.Stat(site, e.Name()); err != nil && e.Name() != ".biwa" {
			return record.Errorf(record.Conflict, "%s has files but no %s: name a new or empty folder with --dir", dir, configFile)
		}
	}
	return nil
}

func copyOut(dir string, site fs.FS, path string) error {
	text, err := fs.ReadFile(site, path)
	if err != nil {
		return err
	}
	to := filepath.Join(dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}

// article is what traffic is about.
type article struct {
	id, creator int64
	language    string
}

// articles are those of the project's seed: the generator makes up none that a
// lookup would not find.
func articles() ([]article, error) {
	site, err := examples.Publishing()
	if err != nil {
		return nil, err
	}
	f, err := site.Open("seeds/articles.csv")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("articles.csv: %w", err)
	}
	list := make([]article, 0, len(rows))
	for _, row := range rows[1:] {
		id, err := strconv.ParseInt(row[0], 10, 64)
		creator, err2 := strconv.ParseInt(row[3], 10, 64)
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("articles.csv: %w", err)
		}
		list = append(list, article{id: id, creator: creator, language: row[2]})
	}
	return list, nil
}
