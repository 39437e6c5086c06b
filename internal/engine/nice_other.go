//go:build !linux

package engine

// onNiceThread runs fn; only Linux has priorities of threads.
func onNiceThread(fn func()) { fn() }
