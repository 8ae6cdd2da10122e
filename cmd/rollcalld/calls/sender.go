package calls

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"rollcall/control"
)

// What sending may take.
const (
	dialTimeout  = time.Second
	sendTimeout  = 5 * time.Second  // of one letter, all told
	keepAlive    = 20 * time.Second // shorter than the server's idleTimeout, so that it never hangs up first
	outboxMax    = 32               // letters that wait for one destination
	outboxesMax  = 2 * control.Slots
	parallel     = 32 // calls at once
	complaintMax = 256
)

// Sender sends letters, each once and without a promise that it arrives: those for one
// destination in the order given, while a destination that does not answer holds up no
// other. What does not fit its queue is dropped.
type Sender struct {
	client  http.Client
	context context.Context
	cancel  context.CancelFunc
	log     zerolog.Logger
	slots   chan struct{}
	done    sync.WaitGroup
	ways    ways

	mu       sync.Mutex
	outboxes map[string]*outbox

	sent   atomic.Uint64
	failed atomic.Uint64
}

// outbox holds the letters for one destination.
type outbox struct{ letters []control.Message }

// NewSender returns a sender that shows the identity. Close ends it.
func NewSender(id *Identity, log zerolog.Logger) *Sender {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Sender{
		context:  ctx,
		cancel:   cancel,
		log:      log.Sample(&zerolog.LevelSampler{WarnSampler: &zerolog.BurstSampler{Burst: 5, Period: time.Minute}}),
		slots:    make(chan struct{}, parallel),
		outboxes: map[string]*outbox{},
	}
	s.client = http.Client{
		Timeout: sendTimeout,
		Transport: &http.Transport{
			DialTLSContext:      s.dial(id),
			IdleConnTimeout:     keepAlive,
			MaxIdleConnsPerHost: 1,
			MaxIdleConns:        outboxesMax,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

// Know takes in by which rails a peer's agent can be called: where its address does not answer, the
// others are tried.
func (s *Sender) Know(p *control.Peer) { s.ways.know(p) }

// dial opens connections with the keys held at that moment, by the first way that leads anywhere.
func (s *Sender) dial(id *Identity) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := s.ways.dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		secured := tls.Client(c, id.clientTLS())
		if err := secured.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		return secured, nil
	}
}

// Reconnect lets go of connections that stand, for after a change of the keys.
func (s *Sender) Reconnect() { s.client.CloseIdleConnections() }

// Counts tells how many letters got through and how many did not.
func (s *Sender) Counts() (sent, failed uint64) { return s.sent.Load(), s.failed.Load() }

// Send queues a letter and returns at once. The roster it may point to must not change.
func (s *Sender) Send(l control.Letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.outboxes[l.To]
	switch {
	case s.context.Err() != nil:
		return
	case box == nil && len(s.outboxes) >= outboxesMax, box != nil && len(box.letters) >= outboxMax:
		s.failed.Add(1)
		return
	case box == nil:
		box = &outbox{}
		s.outboxes[l.To] = box
		s.done.Go(func() { s.deliver(l.To, box) })
	}
	box.letters = append(box.letters, l.Message)
}

// Close gives up what is queued and under way.
func (s *Sender) Close() {
	s.mu.Lock()
	s.cancel()
	s.mu.Unlock()
	s.done.Wait()
	s.client.CloseIdleConnections()
}

// deliver is the courier of one destination; it ends when nothing is left to send.
func (s *Sender) deliver(to string, box *outbox) {
	for {
		m, ok := s.next(to, box)
		if !ok {
			return
		}
		select {
		case s.slots <- struct{}{}:
		case <-s.context.Done():
			return
		}
		err := s.call(to, &m)
		// the connection may be one by a dead rail
		if failed := (*url.Error)(nil); errors.As(err, &failed) && s.ways.several(to) {
			err = s.call(to, &m)
		}
		<-s.slots
		if err == nil {
			s.sent.Add(1)
			continue
		}
		s.failed.Add(1)
		if s.context.Err() == nil {
			s.complain(to, &m, err)
		}
	}
}

// notTaken is what an agent answered to a letter that it did not take.
type notTaken struct {
	to, why string
	status  int
}

func (e *notTaken) Error() string {
	return fmt.Sprintf("call %s: %d %s: %s", e.to, e.status, http.StatusText(e.status), e.why)
}

// complain tells of a letter that did not get through: a peer that is not there is no news,
// one that holds another key is, or one that does not understand the letter.
func (s *Sender) complain(to string, m *control.Message, err error) {
	level := zerolog.DebugLevel
	var verify *tls.CertificateVerificationError
	var alert tls.AlertError
	if errors.As(err, &verify) || errors.As(err, &alert) {
		level = zerolog.WarnLevel
		err = fmt.Errorf("%w; is its cluster key the same, and are the clocks right?", err)
	}
	if refusal := (*notTaken)(nil); errors.As(err, &refusal) && refusal.status == http.StatusBadRequest {
		level = zerolog.WarnLevel
		err = fmt.Errorf("%w; does it run another version of rollcalld?", err)
	}
	s.log.WithLevel(level).Err(err).Str("to", to).Str("kind", string(m.Kind)).Msg("message not delivered")
}

// next takes the oldest letter, or closes the outbox.
func (s *Sender) next(to string, box *outbox) (control.Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(box.letters) == 0 {
		delete(s.outboxes, to)
		return control.Message{}, false
	}
	m := box.letters[0]
	box.letters = box.letters[1:]
	return m, true
}

func (s *Sender) call(to string, m *control.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	body, packed := pack(body)
	r, err := http.NewRequestWithContext(s.context, http.MethodPost, "https://"+to+Path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("call %s: %w", to, err)
	}
	r.Header.Set("Content-Type", "application/json")
	if packed {
		r.Header.Set("Content-Encoding", "gzip")
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return err // names method and address
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		return nil
	}
	why, _ := io.ReadAll(io.LimitReader(answer.Body, complaintMax))
	return &notTaken{to, string(bytes.TrimSpace(why)), answer.StatusCode}
}
