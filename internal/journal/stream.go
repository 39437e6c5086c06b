package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/biwa-data/biwa/internal/record"
)

const (
	headerEnvelope = "Biwa-Envelope" // a uuid for each append, to tell after a time-out whether it was stored
	maxPayload     = 8 << 20
	appendTimeout  = 15 * time.Second
	// jump is how far the sequence leaps over what may have been lost. The 41 bits
	// of a sequence number hold 8,192 of them.
	jump = 1 << 28
)

// stream is the young part of the log: one JetStream stream in this process.
type stream struct {
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
	handle jetstream.Stream
	name   string
	shard  uint8
	dir    string // of the stream's blocks

	log     *slog.Logger
	save    func(context.Context, State) error // to the registry
	witness *witness

	mu       sync.Mutex // serialises append and purge
	state    State      // as the registry has it
	last     record.Sequence
	first    record.Sequence
	bytes    int64
	maxBytes int64
	dirStamp time.Time // the blocks folder's modification time that is known to be synced
	broken   error     // set once what is stored is uncertain
}

func openStream(ctx context.Context, o Options, save func(context.Context, State) error) (*stream, error) {
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "biwa", DontListen: true, NoSigs: true, NoLog: true, MaxPayload: maxPayload,
		JetStream: true, StoreDir: o.Dir, SyncAlways: true,
		JetStreamMaxStore: o.MaxBytes + 64<<20, JetStreamMaxMemory: 16 << 20,
	})
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	srv.SetLogger(serverLog{o.Log}, false, false)
	srv.Start()
	s := &stream{server: srv, name: fmt.Sprintf("biwa-%02d", o.Shard), shard: o.Shard, maxBytes: o.MaxBytes, log: o.Log, save: save}
	s.dir = foldersOf(o.Dir, s.name)
	if s.witness, err = openWitness(o.Dir); err == nil {
		err = s.connect(ctx)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("journal: %w", err)
	}
	return s, nil
}

func (s *stream) connect(ctx context.Context) error {
	if !s.server.ReadyForConnections(30 * time.Second) {
		return errors.New("the embedded NATS server did not start within 30 s")
	}
	var err error
	if s.conn, err = nats.Connect("", nats.InProcessServer(s.server), nats.MaxReconnects(0)); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.conn); err != nil {
		return err
	}
	s.handle, err = s.js.Stream(ctx, s.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s.handle, err = nil, nil
	}
	return err
}

func (s *stream) config(id string, first record.Sequence) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: s.name, Subjects: []string{s.name}, Storage: jetstream.FileStorage,
		Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew, MaxBytes: s.maxBytes,
		FirstSeq: uint64(first), Metadata: map[string]string{"biwa.uuid": id}, AllowDirect: true,
		Duplicates: 100 * time.Millisecond, // the header above tells copies apart; NATS's own table only costs memory
	}
}

func (s *stream) refresh(ctx context.Context) error {
	info, err := s.handle.Info(ctx)
	if err != nil {
		return err
	}
	s.first, s.last, s.bytes = record.Sequence(info.State.FirstSeq), record.Sequence(info.State.LastSeq), int64(info.State.Bytes)
	return nil
}

// append stores one envelope and returns its number. It returns only when the
// envelope is on disk: JetStream fsyncs the block, and we the folder that names it.
func (s *stream) append(ctx context.Context, data []byte) (record.Sequence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return 0, s.broken
	}
	if s.last >= record.MaxSequence {
		return 0, record.Errorf(record.Unavailable, "the log has used up its %d sequence numbers", record.MaxSequence)
	}
	if err := s.reserve(ctx); err != nil {
		return 0, err
	}
	// A caller that goes away must not make the outcome uncertain.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	msg := &nats.Msg{Subject: s.name, Data: data, Header: nats.Header{headerEnvelope: {uuid.NewString()}}}
	ack, err := s.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequence(uint64(s.last)), jetstream.WithRetryAttempts(0))
	switch {
	case err == nil:
		s.last = record.Sequence(ack.Sequence)
	case isFull(err):
		return 0, record.Errorf(record.Unavailable, "the journal is full (%d bytes): the tables are behind; try again later", s.maxBytes)
	default:
		if err := s.resolve(msg, err); err != nil {
			if record.KindOf(err) == record.Internal {
				s.broken = err
			}
			return 0, err
		}
	}
	s.bytes += int64(len(data)) + 128
	err = s.syncFolder()
	if err == nil {
		err = s.witness.note(s.last)
	}
	if err != nil {
		s.broken = fmt.Errorf("journal: %w", err)
		return 0, s.broken
	}
	return s.last, nil
}

// resolve finds out, after an error, whether the message was stored after all.
func (s *stream) resolve(msg *nats.Msg, cause error) error {
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	stored, err := s.handle.GetMsg(ctx, uint64(s.last)+1)
	if err == nil && stored.Header.Get(headerEnvelope) == msg.Header.Get(headerEnvelope) {
		s.last++
		return nil
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) && strings.Contains(cause.Error(), syscall.ENOSPC.Error()) {
		return record.Errorf(record.Unavailable, "journal: the disk is full, and the records were not stored: %w", cause)
	}
	if errors.Is(err, jetstream.ErrMsgNotFound) && errors.Is(cause, context.DeadlineExceeded) {
		return fmt.Errorf("journal: append timed out and was not stored: %w", cause)
	}
	return fmt.Errorf("journal: append: %w", cause)
}

// isFull tells the stream's own limit from other failures of its storage, which
// come with the same code.
func isFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == 10047 || api.ErrorCode == 10077 && strings.Contains(api.Description, server.ErrMaxBytes.Error()))
}

// syncFolder makes the names of new blocks durable. JetStream fsyncs the blocks
// but never their folder; the folder's time tells when there is a new name.
func (s *stream) syncFolder() error {
	info, err := os.Stat(s.dir)
	if err != nil {
		return err
	}
	stamp := info.ModTime()
	if stamp.Equal(s.dirStamp) {
		return nil
	}
	f, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return err
	}
	// Within one tick of the file system's clock a second change would look the same.
	if time.Since(stamp) > 50*time.Millisecond {
		s.dirStamp = stamp
	}
	return nil
}

// read returns the stored bytes of one envelope; found is false if there is none
// of that number.
func (s *stream) read(ctx context.Context, seq record.Sequence) (data []byte, found bool, err error) {
	msg, err := s.handle.GetMsg(ctx, uint64(seq))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("journal: read %d: %w", seq, err)
	}
	return msg.Data, true, nil
}

// scan visits every stored envelope after a number, in order.
func (s *stream) scan(ctx context.Context, after record.Sequence, visit func(seq record.Sequence, data []byte) error) error {
	if s.last <= after || s.last < s.first {
		return nil
	}
	consumer, err := s.js.OrderedConsumer(ctx, s.name, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: uint64(max(after+1, s.first)),
	})
	if err != nil {
		return fmt.Errorf("journal: scan: %w", err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxBytes(32 << 20))
	if err != nil {
		return fmt.Errorf("journal: scan: %w", err)
	}
	defer messages.Stop()
	for seq := record.Sequence(0); seq < s.last; {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return fmt.Errorf("journal: scan after %d: %w", seq, err)
		}
		meta, err := msg.Metadata()
		if err != nil {
			return fmt.Errorf("journal: scan: %w", err)
		}
		seq = record.Sequence(meta.Sequence.Stream)
		if err := visit(seq, msg.Data()); err != nil {
			return err
		}
	}
	return nil
}

// purge removes what lies at or before a number.
func (s *stream) purge(ctx context.Context, upTo record.Sequence) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.handle.Purge(ctx, jetstream.WithPurgeSequence(uint64(upTo)+1)); err != nil {
		return fmt.Errorf("journal: purge to %d: %w", upTo, err)
	}
	return errors.Join(s.syncFolders(), s.refresh(ctx))
}

// limits is the stream's first and last number and its size.
func (s *stream) limits() (first, last record.Sequence, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first, s.last, s.bytes
}

func (s *stream) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.server.Shutdown()
	s.server.WaitForShutdown()
	if s.witness != nil {
		_ = s.witness.close() // nothing waits to be written
	}
}

// serverLog passes on what the embedded server warns of.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(string, ...any) {}
func (l serverLog) Debugf(string, ...any)  {}
func (l serverLog) Tracef(string, ...any)  {}
func (l serverLog) Warnf(format string, v ...any) {
	l.log.Warn("journal", "message", fmt.Sprintf(format, v...))
}
func (l serverLog) Errorf(format string, v ...any) {
	l.log.Error("journal", "message", fmt.Sprintf(format, v...))
}
func (l serverLog) Fatalf(format string, v ...any) {
	l.log.Error("journal", "message", fmt.Sprintf(format, v...))
}
