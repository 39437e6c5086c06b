package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/biwa-data/biwa/internal/project"
)

// finding is one thing the doctor looked at.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

func newDoctor() *cobra.Command {
	var asJSON bool
	f := &serverFlags{}
	c := &cobra.Command{Use: "doctor [DIR]", Short: "Look at project, disk, memory and ports for what would bite later", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "."
			if len(args) > 0 {
				dir = args[0]
			}
			findings := examine(cmd.Context(), dir, f)
			if asJSON {
				if err := printJSON(cmd.OutOrStdout(), findings); err != nil {
					return err
				}
			} else {
				printFindings(cmd.OutOrStdout(), findings)
			}
			for _, x := range findings {
				if !x.OK {
					return &exitError{exitFailed, nil}
				}
			}
			return nil
		}}
	c.Flags().StringVar(&f.data, "data", "", "data folder")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printFindings(out io.Writer, findings []finding) {
	for _, x := range findings {
		mark := "ok "
		if !x.OK {
			mark = "BAD"
		}
		fmt.Fprintf(out, "%s  %-14s %s\n", mark, x.What, x.Found)
		if x.Advice != "" {
			fmt.Fprintf(out, "     %-14s → %s\n", "", x.Advice)
		}
	}
}

func examine(ctx context.Context, dir string, f *serverFlags) []finding {
	p, problems := project.Load(dir, os.LookupEnv)
	findings := append([]finding{examineProject(ctx, p, problems, dir)}, examineTables(ctx, p, problems, dir, f)...)
	findings = append(findings, examineMachine())
	data := f.folder(dir, p.Config.Storage.Data)
	for !exists(data) {
		data = filepath.Dir(data)
	}
	findings = append(findings, examineSpace(data, int64(p.Config.Limits.DiskReserve)), examineSync(data), examineFiles())
	for _, l := range []struct{ name, address string }{{"http", p.Config.Listeners.HTTP}, {"aws", p.Config.Listeners.AWS}} {
		findings = append(findings, examinePort(l.name, l.address))
	}
	return findings
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func examineProject(ctx context.Context, p *project.Project, problems project.Problems, dir string) finding {
	bound, err := bind(ctx, p)
	problems = append(problems, bound...)
	switch {
	case err != nil:
		return finding{"project", false, err.Error(), ""}
	case len(problems) > 0:
		return finding{"project", false, fmt.Sprintf("%d mistakes", len(problems)), "biwa check " + dir}
	}
	return finding{"project", true, fmt.Sprintf("%s, %s, %d streams", p.Config.Name, p.Location, len(p.Streams)), ""}
}

// examineTables compares the project with the data that is there, as check does: what a
// start or a reload would change, and what the tables cannot take.
func examineTables(ctx context.Context, p *project.Project, problems project.Problems, dir string, f *serverFlags) []finding {
	if len(problems) > 0 {
		return nil // they come first
	}
	mistakes, changes, err := f.foresee(ctx, dir, p)
	if err != nil {
		return []finding{{"tables", false, err.Error(), ""}}
	}
	var found []finding
	for _, m := range mistakes {
		found = append(found, finding{"tables", false, m.String(), "biwa up and biwa reload refuse the project until the file is mended"})
	}
	for _, change := range changes {
		found = append(found, finding{"tables", true, change, ""})
	}
	if len(found) == 0 {
		found = append(found, finding{"tables", true, "as the project has them", ""})
	}
	return found
}

func examineMachine() finding {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return finding{"machine", false, err.Error(), ""}
	}
	total := int64(info.Totalram) * int64(info.Unit)
	x := finding{"machine", total >= 2<<30, fmt.Sprintf("%d processors, %d MiB of memory", runtime.NumCPU(), total>>20), ""}
	if !x.OK {
		x.Advice = "lower limits.memory and limits.recent in biwa.yaml"
	}
	return x
}

func examineSpace(data string, reserve int64) finding {
	var s unix.Statfs_t
	if err := unix.Statfs(data, &s); err != nil {
		return finding{"disk", false, err.Error(), ""}
	}
	free := int64(s.Bavail) * s.Bsize
	x := finding{"disk", free > 2*reserve, fmt.Sprintf("%d MiB free in %s, reserve %d MiB", free>>20, data, reserve>>20), ""}
	if !x.OK {
		x.Advice = "free some space: below the reserve the doors answer 503"
	}
	return x
}

// examineSync measures a small fsync: every answer waits for one.
func examineSync(data string) finding {
	f, err := os.CreateTemp(data, ".biwa-doctor-")
	if err != nil {
		return finding{"fsync", false, err.Error(), "the data folder must be writable"}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	const rounds = 20
	began := time.Now()
	for range rounds {
		if _, err := f.WriteString("0123456789abcdef"); err != nil {
			return finding{"fsync", false, err.Error(), ""}
		}
		if err := f.Sync(); err != nil {
			return finding{"fsync", false, err.Error(), ""}
		}
	}
	each := time.Since(began) / rounds
	x := finding{"fsync", each < 50*time.Millisecond, fmt.Sprintf("%.2f ms each", each.Seconds()*1000), ""}
	if !x.OK {
		x.Advice = "each answer waits for one: put the data folder on a faster disk"
	}
	return x
}

func examineFiles() finding {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return finding{"open files", false, err.Error(), ""}
	}
	x := finding{"open files", l.Cur >= 1024, fmt.Sprintf("%d allowed", l.Cur), ""}
	if !x.OK {
		x.Advice = "raise it with ulimit -n 65536"
	}
	return x
}

func examinePort(name, address string) finding {
	if address == project.Off || address == "" {
		return finding{name + " port", true, "off", ""}
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return finding{name + " port", false, err.Error(), ""}
	}
	if holder := holderOf(port); holder != "" {
		x := finding{name + " port", strings.Contains(holder, "by biwa "), port + " is taken" + holder, ""}
		if !x.OK {
			x.Advice = "stop it, or choose another with --" + name
		}
		return x
	}
	return finding{name + " port", true, port + " is free", ""}
}
