//go:build !linux

package engine

// OnNiceThread runs fn; only Linux has priorities of threads.
func OnNiceThread(fn func()) { fn() }
