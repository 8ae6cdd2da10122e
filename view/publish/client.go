package publish

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// What a Client's errors are, to be asked with errors.Is.
var (
	ErrUnreachable = errors.New("daemon unreachable") // nobody answers at the socket
	ErrTimeout     = errors.New("timeout")            // the context's deadline passed
)

// APIError is the daemon's own refusal.
type APIError struct {
	Status  int    // of HTTP: 400 bad request, 403 not entitled, 404, 409 not possible now, …
	Message string // says what to do
}

func (e *APIError) Error() string { return e.Message }

// answerMax bounds what a client reads of one answer: 63,488 members fit.
const answerMax = 64 << 20

// Client asks a daemon over its socket. It keeps no connection open between calls and may
// be used from many goroutines.
type Client struct {
	socket string
	http   http.Client
}

// NewClient returns a client of the daemon at a socket; an empty path means DefaultSocket.
// Nothing is dialled before the first call.
func NewClient(socket string) *Client {
	if socket == "" {
		socket = DefaultSocket
	}
	c := &Client{socket: socket}
	c.http.Transport = &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}
	return c
}

// View asks for the current view.
func (c *Client) View(ctx context.Context) (*Document, error) {
	return get[Document](ctx, c, "view")
}

// Group asks for a group by its name or number; "" is the node's own.
func (c *Client) Group(ctx context.Context, which string) (*GroupDocument, error) {
	return get[GroupDocument](ctx, c, "group?group="+url.QueryEscape(which))
}

// Tree asks for all groups.
func (c *Client) Tree(ctx context.Context) (*TreeDocument, error) {
	return get[TreeDocument](ctx, c, "tree")
}

// Diff asks what changed between two epochs.
func (c *Client) Diff(ctx context.Context, from, to uint64) (*DiffDocument, error) {
	return get[DiffDocument](ctx, c, fmt.Sprintf("diff?from=%d&to=%d", from, to))
}

// Verify has the daemons of all nodes asked which view they hold.
func (c *Client) Verify(ctx context.Context) (*VerifyDocument, error) {
	return get[VerifyDocument](ctx, c, "verify")
}

// Status asks what the node says of itself.
func (c *Client) Status(ctx context.Context) (*StatusDocument, error) {
	return get[StatusDocument](ctx, c, "status")
}

// Node asks what is known of one node; an empty name means the daemon's own.
func (c *Client) Node(ctx context.Context, name string) (*NodeDocument, error) {
	return get[NodeDocument](ctx, c, "node?name="+url.QueryEscape(name))
}

// Events asks for the events kept whose number is above since, the oldest first.
func (c *Client) Events(ctx context.Context, since uint64) ([]EventDocument, error) {
	d, err := get[[]EventDocument](ctx, c, "events?since="+strconv.FormatUint(since, 10))
	if err != nil {
		return nil, err
	}
	return *d, nil
}

// Stats asks for the counters.
func (c *Client) Stats(ctx context.Context) (*StatsDocument, error) {
	return get[StatsDocument](ctx, c, "stats")
}

// Version asks what is running.
func (c *Client) Version(ctx context.Context) (*VersionDocument, error) {
	return get[VersionDocument](ctx, c, "version")
}

// Do gives an order. It needs root or the group rollcall, else an APIError with status 403.
func (c *Client) Do(ctx context.Context, o Order) error {
	path := string(o.Verb)
	if o.Verb == Found {
		path += "?abandon=" + strconv.FormatUint(uint64(o.Abandon), 10)
	}
	if o.Verb == Readmit {
		path += "?node=" + url.QueryEscape(o.Node)
	}
	body, err := c.call(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	return body.Close()
}

// Watch yields the current view, then the newest whenever something changed; a slow caller
// misses what came in between. It ends when the context does or the daemon goes away, with
// the error as its last element.
func (c *Client) Watch(ctx context.Context) iter.Seq2[*Document, error] {
	return lines[Document](ctx, c, "watch")
}

// Follow yields the events kept whose number is above since, then each new one. It ends as
// Watch does.
func (c *Client) Follow(ctx context.Context, since uint64) iter.Seq2[*EventDocument, error] {
	return lines[EventDocument](ctx, c, "events?follow=1&since="+strconv.FormatUint(since, 10))
}

func get[T any](ctx context.Context, c *Client, path string) (*T, error) {
	body, err := c.call(ctx, http.MethodGet, path)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	v := new(T)
	if err := json.NewDecoder(io.LimitReader(body, answerMax)).Decode(v); err != nil {
		return nil, c.fail(ctx, "read the answer of", err)
	}
	return v, nil
}

func lines[T any](ctx context.Context, c *Client, path string) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		body, err := c.call(ctx, http.MethodGet, path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		s := bufio.NewScanner(body)
		s.Buffer(nil, answerMax)
		for s.Scan() {
			v := new(T)
			if err := json.Unmarshal(s.Bytes(), v); err != nil {
				yield(nil, fmt.Errorf("read a line of the daemon at %s: %w", c.socket, err))
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		err = s.Err()
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		yield(nil, c.fail(ctx, "go on listening to", err))
	}
}

// call returns the body of a successful answer.
func (c *Client) call(ctx context.Context, method, path string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://rollcall/v1/"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon for %q: %w", path, err)
	}
	a, err := c.http.Do(r)
	if err != nil {
		return nil, c.fail(ctx, "reach", err)
	}
	if a.StatusCode/100 == 2 {
		return a.Body, nil
	}
	defer a.Body.Close()
	var e ErrorDocument
	b, _ := io.ReadAll(io.LimitReader(a.Body, 1<<16))
	if json.Unmarshal(b, &e) != nil || e.Error == "" {
		e.Error = fmt.Sprintf("the daemon at %s answered %s: is it a rollcalld?", c.socket, a.Status)
	}
	return nil, &APIError{Status: a.StatusCode, Message: e.Error}
}

// fail tells timeouts, cancellation and a missing daemon apart.
func (c *Client) fail(ctx context.Context, doing string, err error) error {
	var wrapped *url.Error // names a URL that means nothing here
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	what := fmt.Sprintf("%s the daemon at %s", doing, c.socket)
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || os.IsTimeout(err):
		return fmt.Errorf("%s: %w", what, ErrTimeout)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: %w: is rollcalld running, and is this its socket? (%w)", what, ErrUnreachable, cause(err))
	}
	return fmt.Errorf("%s: %w (%w)", what, ErrUnreachable, cause(err))
}

// cause cuts the dialler's prefix, which repeats the path.
func cause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	if strings.HasSuffix(err.Error(), io.ErrUnexpectedEOF.Error()) {
		return errors.New("it closed the connection")
	}
	return err
}
