package main

import "syscall"

// childAttributes give a child a group of its own, so that Ctrl-C is its parent's to
// handle, and the end of its parent: it is killed with it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
