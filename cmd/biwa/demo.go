package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/biwa-data/biwa/internal/access"
	"github.com/biwa-data/biwa/internal/demo"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/project"
	"github.com/biwa-data/biwa/internal/service"
)

func newDemo() *cobra.Command {
	d := &demonstration{flags: &serverFlags{}}
	c := &cobra.Command{Use: "demo", Short: "Run the example platform with generated traffic", Args: cobra.NoArgs,
		Long: `Runs a publishing site's platform: its project is unpacked to a folder, and traffic
is generated and sent through the HTTP door. Every record says that it is generated.
/tour of the console leads through five minutes; /demo is a site to click around on.

The node is a process of its own that is started again whenever it is killed. A saved
file of the project is applied within a second. Ctrl-C drains the node and leaves the
folder; a second start goes on with it.`,
		Example: "  biwa demo\n  biwa demo --rate 2000 --dir /tmp/try",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if supervisor := os.Getenv(demoSupervisor); supervisor != "" {
				return d.runNode(cmd, supervisor)
			}
			return d.run(cmd)
		}}
	d.flags.add(c)
	c.Flags().StringVar(&d.dir, "dir", "biwa-demo", "folder of the project and its data")
	c.Flags().Float64Var(&d.rate, "rate", 300, "records a second; 0 for none")
	c.Flags().Uint64Var(&d.seed, "seed", 1, "of the generator")
	return c
}

// demonstration is one run of the demo.
type demonstration struct {
	flags *serverFlags
	dir   string
	rate  float64
	seed  uint64

	config     project.Config
	location   *time.Location
	listeners  [2]net.Listener // of http and aws; they outlive each node
	client     *client
	screen     *screen
	supervisor *demo.Supervisor
	control    *http.Server
}

func (d *demonstration) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	d.screen = &screen{out: cmd.OutOrStdout()}
	if d.rate < 0 {
		return usagef("--rate %v: want a number of records a second", d.rate)
	}
	fresh, err := demo.Unpack(d.dir)
	if err != nil {
		return err
	}
	generator, err := demo.NewGenerator(d.seed, time.Now())
	if err != nil {
		return err
	}
	if err := d.open(); err != nil {
		return err
	}
	defer func() { _ = closeAll(d.listeners[:]) }()
	keeper, err := d.keeper()
	if err != nil {
		return err
	}
	d.supervisor.Keeper, d.supervisor.Run = keeper, generator.Run()
	d.supervisor.Start(ctx)
	keeper.Start()
	if err := d.awaitReady(ctx); err != nil {
		return errors.Join(err, keeper.Stop(), d.control.Close())
	}
	d.announce(fresh)
	traffic := service.NewGroup(ctx)
	traffic.Go(func(ctx context.Context) error { return d.traffic(ctx, generator, fresh) })
	watch := service.NewGroup(ctx)
	watch.Go(d.watch)
	select {
	case <-ctx.Done():
	case <-traffic.Done():
	case <-keeper.Ended():
	}
	err = errors.Join(traffic.Stop(), watch.Stop(), d.supervisor.Stop())
	return errors.Join(err, d.finish(), d.control.Close())
}

// open reads the project's settings and opens the doors, which every node inherits:
// who comes while none runs waits there for the next.
func (d *demonstration) open() error {
	p, problems := project.Load(d.dir, os.LookupEnv)
	if len(problems) > 0 {
		return &exitError{exitUsage, fmt.Errorf("%d %s in %s:\n%w", len(problems), plural(len(problems), "mistake", "mistakes"), d.dir, problems)}
	}
	d.config, d.location = p.Config, p.Location
	keys, err := accessKeys(p.Config)
	if err != nil {
		return err
	}
	for i, door := range []struct{ address, flag string }{{either(d.flags.http, p.Config.Listeners.HTTP), "http"}, {either(d.flags.aws, p.Config.Listeners.AWS), "aws"}} {
		if door.address == project.Off {
			continue
		}
		if d.listeners[i], err = listen(door.address, door.flag, access.AllPublic(keys)); err != nil {
			return errors.Join(err, closeAll(d.listeners[:]))
		}
	}
	if d.listeners[0] == nil {
		return usagef("the demo is on the HTTP port: it cannot be off")
	}
	d.client = &client{base: urlOf(d.listeners[0]), http: &http.Client{}}
	return nil
}

// keeper makes what keeps a node running, and the port on which the node finds its
// supervisor.
func (d *demonstration) keeper() (*demo.Keeper, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	inherited := []*os.File{nil, nil}
	for i, l := range d.listeners {
		if l == nil {
			if inherited[i], err = os.Open(os.DevNull); err != nil {
				return nil, err
			}
			continue
		}
		if inherited[i], err = l.(*net.TCPListener).File(); err != nil {
			return nil, err
		}
	}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	token := rand.Text()
	d.supervisor = &demo.Supervisor{Acknowledged: demo.NewAcknowledged(), Node: demoNode{d.client}, Clock: service.SystemClock{}, Rate: d.rate}
	d.control = &http.Server{Handler: d.supervisor.Handler(token), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = d.control.Serve(door) }() // it ends with Close
	command := func() *exec.Cmd {
		cmd := exec.Command(program, os.Args[1:]...)
		cmd.Env = append(os.Environ(), demoSupervisor+"=http://"+door.Addr().String(), demoToken+"="+token)
		cmd.ExtraFiles, cmd.SysProcAttr = inherited, childAttributes()
		cmd.Stdout, cmd.Stderr = d.screen, d.screen
		return cmd
	}
	return demo.NewKeeper(command, service.SystemClock{}, func(pid int, at time.Time) {
		fmt.Fprintf(d.screen, "process %d was killed; the next one starts\n", pid)
		d.supervisor.Died(pid, at)
	}), nil
}

func (d *demonstration) awaitReady(ctx context.Context) error {
	for d.supervisor.Node.Ready(ctx) != nil {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		case <-d.supervisor.Keeper.Ended():
			return d.supervisor.Keeper.Stop()
		}
	}
	return nil
}

// What a new folder begins with: so many records of so long before.
const (
	historyRecords = 10_000
	historyTime    = 48 * time.Hour
)

func (d *demonstration) traffic(ctx context.Context, generator *demo.Generator, fresh bool) error {
	if d.rate == 0 {
		return nil
	}
	traffic := demo.NewTraffic(generator, d.rate, service.SystemClock{}, d.supervisor.Acknowledged, d.post)
	if fresh {
		if err := traffic.History(ctx, historyRecords, historyTime); err != nil {
			return err
		}
	}
	return traffic.Run(ctx)
}

// post sends generated lines through the HTTP door, as any client does.
func (d *demonstration) post(ctx context.Context, stream, key string, lines []byte) error {
	r, err := d.client.do(ctx, http.MethodPost, "/v1/events/"+stream, strings.NewReader(string(lines)),
		map[string]string{"Content-Type": "application/x-ndjson", "Prefer": "handling=lenient", "Idempotency-Key": key, "User-Agent": "biwa-demo (generated traffic)"})
	if err != nil {
		return err
	}
	return r.Body.Close()
}

// demoNode is the node as the supervisor sees it.
type demoNode struct{ *client }

// Ready is nil when the node takes records and its answers are exact.
func (n demoNode) Ready(ctx context.Context) error {
	r, err := n.do(ctx, http.MethodGet, "/readyz", nil, nil)
	if err != nil {
		return err
	}
	return r.Body.Close()
}

// Count runs a statement with one row of two numbers.
func (n demoNode) Count(ctx context.Context, sql string) (a, b int64, err error) {
	var answer struct{ Rows [][]json.Number }
	if err := n.call(ctx, http.MethodPost, "/v1/query", map[string]any{"sql": sql}, &answer); err != nil {
		return 0, 0, err
	}
	if len(answer.Rows) != 1 || len(answer.Rows[0]) != 2 {
		return 0, 0, fmt.Errorf("%s: want one row of two numbers", sql)
	}
	a, err = strconv.ParseInt(answer.Rows[0][0].String(), 10, 64)
	b, err2 := strconv.ParseInt(answer.Rows[0][1].String(), 10, 64)
	return a, b, errors.Join(err, err2)
}

const demoQuery = "select article_title, count(*) as views, count(*) filter (where is_bot) as by_bots from page_views group by all order by views desc limit 5"

// announce says where everything is, in lines that work when pasted.
func (d *demonstration) announce(fresh bool) {
	biwa := "biwa"
	if strings.ContainsRune(os.Args[0], '/') {
		biwa = os.Args[0]
	}
	base := d.client.base
	address := ""
	if base != defaultURL {
		address = " --url " + base
	}
	out := d.screen
	fmt.Fprintf(out, "biwa %s · %s · %s\n\n", version, d.config.Name, d.location)
	fmt.Fprintf(out, "  five minutes  %s/tour\n", base)
	fmt.Fprintf(out, "  a site        %s/demo, to click around on\n", base)
	fmt.Fprintf(out, "  console       %s\n", base)
	if fresh {
		fmt.Fprintf(out, "  project       %s, unpacked now: a saved file of it is applied within a second\n", d.dir)
	} else {
		fmt.Fprintf(out, "  project       %s, which was there: going on with it\n", d.dir)
	}
	fmt.Fprintf(out, "  traffic       GENERATED, %g records/s; every record says so: generated = true\n\n", d.rate)
	fmt.Fprintf(out, "Ask:\n  %s sql%s -c \"%s\"\n", biwa, address, demoQuery)
	fmt.Fprintf(out, "Send a record of your own:\n  curl %s/v1/events/page_views -d '{\"ts\":\"'$(date -u +%%FT%%TZ)'\",\"visitor_id\":\"me\",\"url\":\"https://hotori.example/\",\"props\":{\"article_id\":101}}'\n\n", base)
	fmt.Fprintf(out, "Ctrl-C stops it.\n")
}

// watch keeps a line of the ledger up to date: in place on a terminal, else a
// line now and then.
func (d *demonstration) watch(ctx context.Context) error {
	pause := 5 * time.Second
	if d.screen.terminal() {
		pause = 500 * time.Millisecond
	}
	tick := time.NewTicker(pause)
	defer tick.Stop()
	speed := speedometer{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			var r ledger.Report
			if err := d.client.call(ctx, http.MethodGet, "/v1/ledger", nil, &r); err != nil {
				continue // the next one tells; a node that has failed ends the demo
			}
			total := sum(r)
			d.screen.status(ledgerLine(r, total, speed.at(now, total.Accepted)))
		}
	}
}

// finish commits what is pending, shows the last account, and says how to go on.
func (d *demonstration) finish() error {
	d.screen.end()
	keeper := d.supervisor.Keeper
	select {
	case <-keeper.Ended(): // it could not be kept running
		return keeper.Stop()
	default:
	}
	fmt.Fprintln(d.screen, "draining…")
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	var streams struct{ Streams []struct{ Name string } }
	errs := []error{d.client.call(ctx, http.MethodGet, "/v1/streams", nil, &streams)}
	for _, s := range streams.Streams {
		errs = append(errs, d.client.call(ctx, http.MethodPost, "/v1/streams/"+s.Name+"/flush", nil, nil))
	}
	var r ledger.Report
	err := d.client.call(ctx, http.MethodGet, "/v1/ledger", nil, &r)
	if errs = append(errs, err); err == nil {
		fmt.Fprintln(d.screen, ledgerLine(r, sum(r), -1))
	}
	if err := errors.Join(append(errs, keeper.Stop())...); err != nil {
		return err
	}
	data := d.flags.folder(d.dir, d.config.Storage.Data)
	if full, err := filepath.Abs(data); err == nil {
		data = full
	}
	fmt.Fprintf(d.screen, "\nEverything is in %s, its data in %s.\nGo on with: biwa demo --dir %s    without traffic: biwa up %s    be rid of it: rm -r %s\n", d.dir, data, d.dir, d.dir, d.dir)
	return nil
}
