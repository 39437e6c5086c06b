package project

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/biwa-data/biwa/internal/record"
)

// starter is the project that Init writes; NAME stands for its name.
//
//go:embed starter/*
var starter embed.FS

// schemaFolder holds the schemas that the files' first lines name.
const schemaFolder = ".biwa"

// Init writes a starter project into dir and says which files it wrote. It
// touches nothing that is there already: a folder with a biwa.yaml is refused.
func Init(dir, name string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, configFile)); err == nil {
		return nil, record.Errorf(record.Conflict, "%s is there already", filepath.Join(dir, configFile))
	}
	if name == "" {
		full, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		name = filepath.Base(full)
	}
	var written []string
	for _, f := range []struct{ from, to string }{
		{"biwa.yaml", configFile}, {"events.yaml", "streams/events.yaml"}, {"gitignore", ".gitignore"},
	} {
		text, err := starter.ReadFile("starter/" + f.from)
		if err != nil {
			return written, err
		}
		fresh, err := writeNew(dir, f.to, []byte(strings.ReplaceAll(string(text), "NAME", quotedName(name))))
		if err != nil {
			return written, err
		}
		if fresh {
			written = append(written, f.to)
		}
	}
	schemas, err := WriteSchemas(dir)
	return append(written, schemas...), err
}

// WriteSchemas writes the schemas that the files' first lines name.
func WriteSchemas(dir string) ([]string, error) {
	var written []string
	for _, kind := range Kinds() {
		text, err := Schema(kind)
		if err != nil {
			return written, err
		}
		file := schemaFolder + "/" + kind + ".schema.json"
		if err := os.MkdirAll(filepath.Join(dir, schemaFolder), 0o755); err != nil {
			return written, fmt.Errorf("init: %w", err)
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(file)), text, 0o644); err != nil {
			return written, fmt.Errorf("init: %w", err)
		}
		written = append(written, file)
	}
	return written, nil
}

// quotedName is a name as YAML takes it for text.
func quotedName(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(name) + `"`
}

// writeNew writes a file unless it is there.
func writeNew(dir, file string, text []byte) (bool, error) {
	path := filepath.Join(dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return false, fmt.Errorf("init: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("init: %w", err)
	}
	_, err = f.Write(text)
	return true, errors.Join(err, f.Close())
}
