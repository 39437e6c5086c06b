package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// spillStep is by how much a limit must change to be set anew.
const spillStep = 8 << 20

// LimitSpill bounds what queries and writing may spill to disk from now on: to
// what they have there already and, together, room bytes more, and to
// Limits.MaxTempBytes each. What is spilled already stays.
func (e *Engine) LimitSpill(ctx context.Context, room int64) error {
	var errs []error
	most := e.limits.Load().MaxTempBytes
	for _, s := range []struct {
		instance *instance
		name     string
	}{{e.reader, "reader"}, {e.writer, "writer"}, {e.rewriter, "rewriter"}} {
		used, err := folderBytes(e.options.spill(s.name))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		limit := min(most, used+max(0, room)/3)
		before := s.instance.spillLimit.Load()
		if limit == before || room > 0 && limit < most && limit-before < spillStep && before-limit < spillStep {
			continue
		}
		if err := setUp(ctx, s.instance, "SET GLOBAL max_temp_directory_size = '"+strconv.FormatInt(limit, 10)+"B'"); err != nil {
			errs = append(errs, fmt.Errorf("limit what the %s spills to %d bytes: %w", s.name, limit, err))
			continue
		}
		s.instance.spillLimit.Store(limit)
	}
	return errors.Join(errs...)
}

// folderBytes is the size of the files in a folder.
func folderBytes(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return gone(err)
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return gone(err)
	})
	return bytes, err
}

// gone is nil for a file that was deleted meanwhile.
func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
