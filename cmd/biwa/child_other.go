//go:build !linux

package main

import "syscall"

// childAttributes give a child a group of its own, so that Ctrl-C is its parent's to
// handle.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
