package testkit

import (
	"encoding/csv"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Postgres starts a PostgreSQL of its own for a test, reached by a socket in its folder,
// and returns what runs a statement and gives its rows as PostgreSQL's text. Where there
// is none the test is skipped.
func Postgres(t testing.TB) func(sql string) [][]string {
	t.Helper()
	bin := postgresFolder()
	if bin == "" {
		t.Skip("SKIPPED LOUDLY: there is no PostgreSQL; apt-get install postgresql installs it")
	}
	// The path of a socket is short, so this is not in the test's own folder.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // as which PostgreSQL does not run
		const nobody = 65534
		as.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	run := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(bin, name), args...)
		c.Dir, c.SysProcAttr, c.Env = dir, as, append(os.Environ(), "LC_ALL=C", "TZ=UTC")
		return c
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := run("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "logging_collector=off")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT) // at once: nothing is kept
		_ = server.Wait()
	})
	ask := func(sql string) ([]byte, error) {
		c := exec.Command(filepath.Join(bin, "psql"), "-h", dir, "-U", "postgres", "-X", "-q", "-v", "ON_ERROR_STOP=1", "--csv", "-t", "-f", "-", "postgres")
		c.Stdin = strings.NewReader(sql)
		return c.Output()
	}
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(Patience)
	defer tick.Stop()
	for _, err = ask("SELECT 1"); err != nil; _, err = ask("SELECT 1") {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("PostgreSQL does not answer: %v", err)
		}
	}
	return func(sql string) [][]string {
		t.Helper()
		out, err := ask(sql)
		if err != nil {
			t.Fatalf("PostgreSQL: %v: %.300s", err, sql)
		}
		rows, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
}

// postgresFolder is where initdb is: of the newest version that is there.
func postgresFolder() string {
	found, newest := "", 0
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	for _, path := range folders {
		version, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
		if version > newest {
			found, newest = filepath.Dir(path), version
		}
	}
	if found != "" {
		return found
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	return ""
}
