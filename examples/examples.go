// Package examples holds example projects, as the binary carries them.
package examples

import (
	"embed"
	"io/fs"
)

// The parts are named one by one: a data folder that somebody's run has left
// here must not become part of the binary.
//
//go:embed publishing/biwa.yaml publishing/.gitignore publishing/streams publishing/seeds
var publishing embed.FS

// Publishing is the project of a publishing site: creators and their articles,
// what readers view, like, follow and buy.
func Publishing() (fs.FS, error) { return fs.Sub(publishing, "publishing") }
