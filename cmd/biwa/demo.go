package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/biwa-data/biwa/internal/demo"
	"github.com/biwa-data/biwa/internal/ledger"
	"github.com/biwa-data/biwa/internal/service"
)

func newDemo() *cobra.Command {
	d := &demonstration{flags: &serverFlags{}}
	c := &cobra.Command{Use: "demo", Short: "Run the example platform with generated traffic", Args: cobra.NoArgs,
		Long: `Runs a publishing site's platform: its project is unpacked to a folder, and traffic
is generated and sent through the HTTP door. Every record says that it is generated.
Ctrl-C drains it and leaves the folder; a second start goes on with it.`,
		Example: "  biwa demo\n  biwa demo --rate 2000 --dir /tmp/try",
		RunE:    func(cmd *cobra.Command, _ []string) error { return d.run(cmd) }}
	d.flags.add(c)
	c.Flags().StringVar(&d.dir, "dir", "biwa-demo", "folder of the project and its data")
	c.Flags().Float64Var(&d.rate, "rate", 300, "records a second; 0 for none")
	c.Flags().Uint64Var(&d.seed, "seed", 1, "of the generator")
	return c
}

// demonstration is one run of the demo.
type demonstration struct {
	flags  *serverFlags
	dir    string
	rate   float64
	seed   uint64
	client *client
	out    io.Writer
	begun  bool // a live line stands on the terminal
}

func (d *demonstration) run(cmd *cobra.Command) (err error) {
	ctx := cmd.Context()
	d.out = cmd.OutOrStdout()
	if d.rate < 0 {
		return usagef("--rate %v: want a number of records a second", d.rate)
	}
	fresh, err := demo.Unpack(d.dir)
	if err != nil {
		return err
	}
	s, err := d.flags.server(cmd, d.dir)
	if err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	d.client = &client{base: s.httpURL, http: &http.Client{}}
	d.announce(s, fresh)
	traffic := service.NewGroup(ctx)
	if d.rate > 0 {
		generator, err := demo.NewGenerator(d.seed, time.Now())
		if err != nil {
			return errors.Join(err, s.stop())
		}
		traffic.Go(demo.NewTraffic(generator, d.rate, service.SystemClock{}, d.post).Run)
	}
	watch := service.NewGroup(ctx)
	watch.Go(d.watch)
	err = errors.Join(s.wait(ctx), traffic.Stop(), watch.Stop())
	return errors.Join(err, d.finish(s))
}

// post sends generated lines through the HTTP door, as any client does.
func (d *demonstration) post(ctx context.Context, stream, key string, lines []byte) error {
	r, err := d.client.do(ctx, http.MethodPost, "/v1/events/"+stream, bytes.NewReader(lines),
		map[string]string{"Content-Type": "application/x-ndjson", "Prefer": "handling=lenient", "Idempotency-Key": key, "User-Agent": "biwa-demo (generated traffic)"})
	if err != nil {
		return err
	}
	return r.Body.Close()
}

const demoQuery = "select article_title, count(*) as views, count(*) filter (where is_bot) as by_bots from page_views group by all order by views desc limit 5"

// announce says where everything is, in lines that work when pasted.
func (d *demonstration) announce(s *server, fresh bool) {
	biwa := "biwa"
	if strings.ContainsRune(os.Args[0], '/') {
		biwa = os.Args[0]
	}
	address := ""
	if s.httpURL != defaultURL {
		address = " --url " + s.httpURL
	}
	fmt.Fprintf(d.out, "biwa %s · %s · %s\n\n", version, s.options.Project.Name, s.options.Project.Location)
	if fresh {
		fmt.Fprintf(d.out, "  project  %s, unpacked now: look at its streams/*.yaml\n", d.dir)
	} else {
		fmt.Fprintf(d.out, "  project  %s, which was there: going on with it\n", d.dir)
	}
	fmt.Fprintf(d.out, "  traffic  GENERATED, %g records/s; every record says so: generated = true\n", d.rate)
	fmt.Fprintf(d.out, "  console  %s\n\n", s.httpURL)
	fmt.Fprintf(d.out, "Ask:\n  %s sql%s -c \"%s\"\n", biwa, address, demoQuery)
	fmt.Fprintf(d.out, "Send a record of your own:\n  curl %s/v1/events/page_views -d '{\"ts\":\"'$(date -u +%%FT%%TZ)'\",\"visitor_id\":\"me\",\"url\":\"https://hotori.example/\",\"article_id\":101}'\n\n", s.httpURL)
	fmt.Fprintf(d.out, "Ctrl-C stops it.\n")
}

// watch keeps a line of the ledger up to date: in place on a terminal, else a
// line now and then.
func (d *demonstration) watch(ctx context.Context) error {
	pause := 5 * time.Second
	if isTerminal(d.out) {
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
			d.show(ledgerLine(r, total, speed.at(now, total.Accepted)))
		}
	}
}

func (d *demonstration) show(line string) {
	if !isTerminal(d.out) {
		fmt.Fprintln(d.out, line)
		return
	}
	if width, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && width > 1 {
		line = runewidth.Truncate(line, width-1, "…")
	}
	fmt.Fprintf(d.out, "\r\x1b[K%s", line)
	d.begun = true
}

// sum adds up the streams' accounts.
func sum(r ledger.Report) (t ledger.StreamReport) {
	for _, s := range r.Streams {
		t.Accepted += s.Accepted
		t.Delivered += s.Delivered
		t.Quarantined += s.Quarantined
		t.Deduplicated += s.Deduplicated
		t.Filtered += s.Filtered
		t.Pending += s.Pending
	}
	return t
}

// ledgerLine begins with what matters most: a narrow terminal cuts the end. A
// negative speed is not known and left out.
func ledgerLine(r ledger.Report, t ledger.StreamReport, perSecond float64) string {
	state := "balanced"
	if !r.Balanced {
		state = "NOT BALANCED"
	}
	if perSecond >= 0 {
		state += fmt.Sprintf(" · %.0f/s", perSecond)
	}
	return fmt.Sprintf("%s · accepted %s = delivered %s + quarantined %s + deduplicated %s + filtered %s + pending %s", state,
		grouped(t.Accepted), grouped(t.Delivered), grouped(t.Quarantined), grouped(t.Deduplicated), grouped(t.Filtered), grouped(t.Pending))
}

// grouped writes a number with commas between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// speedometer tells records a second over the last few looks; from the second one on.
type speedometer struct{ looks []look }

type look struct {
	at    time.Time
	count int64
}

func (s *speedometer) at(now time.Time, count int64) float64 {
	s.looks = append(s.looks, look{now, count})
	if len(s.looks) > 10 {
		s.looks = s.looks[1:]
	}
	first := s.looks[0]
	if first.at.Equal(now) {
		return -1
	}
	return float64(count-first.count) / now.Sub(first.at).Seconds()
}

// finish commits what is pending, shows the last account, and says how to go on.
func (d *demonstration) finish(s *server) error {
	if d.begun {
		fmt.Fprintln(d.out)
	}
	if err := s.node.Failed(); err != nil {
		return errors.Join(err, s.stop())
	}
	fmt.Fprintln(d.out, "draining…")
	ctx := context.Background()
	var errs []error
	for name := range s.options.Project.Streams {
		errs = append(errs, s.node.Flush(ctx, name))
	}
	r, err := s.node.Ledger(ctx)
	if errs = append(errs, err); err == nil {
		fmt.Fprintln(d.out, ledgerLine(r, sum(r), -1))
	}
	if err := errors.Join(append(errs, s.stop())...); err != nil {
		return err
	}
	data, err := filepath.Abs(s.options.Data)
	if err != nil {
		data = s.options.Data
	}
	fmt.Fprintf(d.out, "\nEverything is in %s, its data in %s.\nGo on with: biwa demo --dir %s    without traffic: biwa up %s    be rid of it: rm -r %s\n", d.dir, data, d.dir, d.dir, d.dir)
	return nil
}
