package app

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"time"

	"github.com/biwa-data/biwa/internal/meta"
)

// How long a part waits before it tries again on a full disk.
const (
	leastPatience = 100 * time.Millisecond
	mostPatience  = 5 * time.Second
)

// noSpace says whether an error comes of a disk without room, which passes. Some
// libraries hand on the text only.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || meta.NoSpace(err) ||
		err != nil && strings.Contains(err.Error(), syscall.ENOSPC.Error())
}

// patient runs a part again where the disk was full: what it had not stored it does
// anew, and the node goes on. Any other error is the part's end.
func (n *Node) patient(part string, run func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		for wait := leastPatience; ; wait = min(2*wait, mostPatience) {
			err := run(ctx)
			if err == nil || ctx.Err() != nil || !noSpace(err) {
				return err
			}
			n.note(part, err)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// awaitRoom returns when there is room on the disk again, or the node stops.
func (n *Node) awaitRoom() {
	for wait := leastPatience; ; wait = min(2*wait, mostPatience) {
		if n.gate.fits(0) == nil {
			return
		}
		select {
		case <-time.After(wait):
		case <-n.taps.Done():
			return
		}
	}
}
