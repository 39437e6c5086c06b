package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/app"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/serve/api"
)

// server is a node with its listeners.
type server struct {
	options   app.Options
	guard     *access.Guard
	http, aws string          // addresses
	listeners [2]net.Listener // of http and aws; nil for a door that is off
	inherited [2]net.Listener // of http and aws, for a node whose supervisor has opened them; nil opens them
	out       io.Writer
	log       *slog.Logger
	saves     *project.Watcher // applies the folder at each save; nil does not

	node      *app.Node
	servers   []*http.Server
	failed    chan error
	httpURL   string
	awsURL    string
	beganAt   time.Time
	readyTime time.Duration
}

// start opens the ports, then the node, and waits until it is ready. The ports
// come first: a port that is taken must not cost the time of a start.
func (s *server) start(ctx context.Context) error {
	s.beganAt, s.failed = time.Now(), make(chan error, 3)
	for i, door := range []struct{ address, flag string }{{s.http, "http"}, {s.aws, "aws"}} {
		if door.address == project.Off {
			continue
		}
		if s.listeners[i] = s.inherited[i]; s.listeners[i] != nil {
			continue
		}
		l, err := listen(door.address, door.flag, s.guard.Open())
		if err != nil {
			return errors.Join(err, closeAll(s.listeners[:i]))
		}
		s.listeners[i] = l
	}
	if l := s.listeners[1]; l != nil {
		s.options.AWSURL = urlOf(l)
	}
	s.options.Watched = s.saves != nil
	var err error
	if s.node, err = app.Start(ctx, s.options); err != nil {
		return errors.Join(err, closeAll(s.listeners[:]))
	}
	s.httpURL, s.awsURL = s.serve(s.listeners[0], s.node.HTTP(s.guard, buildVersion())), s.serve(s.listeners[1], s.node.AWS(s.guard))
	for s.node.Started() != nil {
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), s.stop())
		}
		if err := s.node.Failed(); err != nil {
			return errors.Join(err, s.stop())
		}
	}
	s.readyTime = time.Since(s.beganAt)
	return nil
}

func closeAll(listeners []net.Listener) error {
	var errs []error
	for _, l := range listeners {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// serve answers on a listener and returns its address; a door that is off has none.
func (s *server) serve(l net.Listener, h http.Handler) string {
	if l == nil {
		return project.Off
	}
	// AWS's JavaScript SDK speaks HTTP/2 without TLS to some services.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: h, Protocols: &protocols, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	s.servers = append(s.servers, srv)
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	return urlOf(l)
}

// urlOf is where a listener is reached from this machine.
func urlOf(l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://localhost:" + port
}

// wait runs until ctx ends or the node fails; SIGHUP, and with a watch each save,
// reloads the project.
func (s *server) wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	saved := make(chan struct{}, 1)
	if s.saves != nil {
		go func() {
			err := s.saves.Run(ctx, func() {
				select {
				case saved <- struct{}{}:
				default: // the reload that is due reads this save too
				}
			})
			if err != nil {
				s.failed <- err
			}
		}()
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-s.failed:
			return err
		case <-hangup:
			s.reload(ctx)
		case <-saved:
			s.reload(ctx)
		case <-tick.C:
			if err := s.node.Failed(); err != nil {
				return err
			}
		}
	}
}

func (s *server) reload(ctx context.Context) {
	answer, err := s.node.Reload(ctx)
	running, verr := s.node.Version(ctx)
	if verr != nil {
		s.log.Warn("reload", "error", verr)
	}
	if err != nil {
		fmt.Fprintf(s.out, "reload refused, version %d was not applied; version %d runs on:\n%v\nNothing has changed and records are taken as before: correct the files, and reload again.\n", running+1, running, err)
		return
	}
	if len(answer.Changed) == 0 && len(answer.Settings) == 0 {
		fmt.Fprintln(s.out, "reloaded: nothing has changed")
	}
	for _, c := range answer.Changed {
		fmt.Fprintf(s.out, "reloaded: stream %s %s, definition %d holds from sequence number %d\n", c.Stream, c.Change, c.Generation, c.Since)
		for _, column := range c.Columns {
			fmt.Fprintf(s.out, "reloaded: stream %s: %s\n", c.Stream, column)
		}
	}
	for _, c := range answer.Settings {
		fmt.Fprintf(s.out, "reloaded: %s %s\n", c.Key, inWords(c))
	}
	for _, c := range s.node.Waiting() {
		fmt.Fprintf(s.out, "needs a restart: %s was %s, is %s\n", c.Key, either(c.Was, "not set"), either(c.Now, "not set"))
	}
	if len(answer.Changed) > 0 || len(answer.Settings) > 0 {
		fmt.Fprintf(s.out, "version %d of the project runs\n", running)
	}
}

// inWords says what became of a setting.
func inWords(c api.SettingChange) string {
	switch {
	case c.Was == "":
		return "is " + c.Now + ", was not set"
	case c.Now == "":
		return "is gone, was " + c.Was
	}
	return "is " + c.Now + ", was " + c.Was
}

// A node that is told to stop has ended after stopTime, whatever runs. First requests
// that have begun get drainTime; then the node takes what is on the log, and commits
// it, as far as app and deliver give it time. What is left is on the log.
const (
	stopTime  = 10 * time.Second
	drainTime = 3 * time.Second
)

const unfinished = "Not all of it is in files. What was accepted is in the journal and safe: the next start goes on from there."

// stop ends requests in order, then the node.
func (s *server) stop() error {
	limit := time.AfterFunc(stopTime-stopTime/20, func() { // a query or a disk that does not let go
		fmt.Fprintln(s.out, unfinished)
		os.Exit(exitFailed)
	})
	defer limit.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	s.node.EndTaps()
	for _, srv := range s.servers {
		if err := srv.Shutdown(ctx); err != nil {
			srv.Close() // a long query does not end by itself
		}
	}
	return s.node.Stop()
}

// announce prints where everything is.
func (s *server) announce() {
	data, err := filepath.Abs(s.options.Data)
	if err != nil {
		data = s.options.Data
	}
	fmt.Fprintf(s.out, "biwa %s · %s · %s\n\n", version, s.options.Project.Name, s.options.Project.Location)
	fmt.Fprintf(s.out, "  console and API  %s\n  AWS endpoint     %s  (Firehose)\n  data             %s\n\nready in %.2f s. Ctrl-C stops it.\n", s.httpURL, s.awsURL, data, s.readyTime.Seconds())
}

// announceLogin prints the console's one-time login link when a data folder with
// keys starts for the first time.
func (s *server) announceLogin(ctx context.Context) {
	if s.guard.Open() || s.httpURL == project.Off {
		return
	}
	path, err := s.node.LoginPath(ctx)
	if err != nil {
		s.log.Warn("login link", "error", err)
	} else if path != "" {
		fmt.Fprintf(s.out, "\nThe console asks for a key. This link lets one browser in, once:\n  %s%s\n", s.httpURL, path)
	}
}
