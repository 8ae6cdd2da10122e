package publish

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClientReadsWhatServerTells(t *testing.T) {
	f, c, _ := start(t)
	ctx := t.Context()
	d, err := c.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(1), *d); diff != "" {
		t.Error(diff)
	}
	if g, err := c.Group(ctx, "a b&c"); err != nil || g.Name != "a b&c" {
		t.Error(g, err)
	}
	var refused *APIError
	if _, err := c.Group(ctx, "nowhere"); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Error(err)
	}
	if tree, err := c.Tree(ctx); err != nil || tree.State != Degraded || tree.Here != 2 || tree.Nodes != 3 || tree.Groups[0].Down[0].Name != "cn003" || tree.Groups[0].Leader != "cn001" {
		t.Error(tree, err)
	}
	if d, err := c.Diff(ctx, 3, 5); err != nil || d.From != 3 || d.To != 5 {
		t.Error(d, err)
	}
	if _, err := c.Diff(ctx, 6, 7); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Error(err)
	}
	if _, err := c.Diff(ctx, 0, 7); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		t.Error(err)
	}
	if d, err := c.Verify(ctx); err != nil || !d.Agree {
		t.Error(d, err)
	}
	if s, err := c.Status(ctx); err != nil || s.Node != "cn001" {
		t.Error(s, err)
	}
	if s, err := c.Stats(ctx); err != nil || s.Frames["beat_taken"] != 7 {
		t.Error(s, err)
	}
	if v, err := c.Version(ctx); err != nil || v.Wire != [2]int{1, 1} {
		t.Error(v, err)
	}
	if l, err := c.Events(ctx, 0); err != nil || len(l) != 0 {
		t.Error(l, err)
	}
	f.install(2)
	f.install(3)
	if l, err := c.Events(ctx, 2); err != nil || len(l) != 1 || l[0].Number != 3 {
		t.Error(l, err)
	}
}

func TestDocumentIsTheJSONThatUsersRely(t *testing.T) {
	_, _, path := start(t)
	got := ask(t, path, "GET /v1/view HTTP/1.0\r\n\r\n")
	want := `{"schema":1,"cluster":"tofu","instance":1,"epoch":1,"hash":"` + sample(1).Hash + `","leader":"cn001",` +
		`"valid":true,"lease_ms":350,"at":"1970-01-01T00:00:01.000000005Z","mono_ns":99,"members":[` +
		`{"name":"cn001","group":0,"slot":0,"state":"alive","incarnation":"0000000000000001"},` +
		`{"name":"cn002","group":0,"slot":1,"state":"alive","incarnation":"0000000000000002"},` +
		`{"name":"cn003","group":0,"slot":2,"state":"gone"}],` +
		`"counts":{"absent":0,"alive":2,"gone":1,"joining":0,"left":0,"planned":0,"probation":0,"quarantined":0,"stale":0,"suspect":0,"unknown":0}}` + "\n"
	_, body, _ := strings.Cut(got, "\r\n\r\n")
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
}

// ask sends raw bytes and returns all that comes back.
func ask(t *testing.T, path, request string) string {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) { // what was too long to read resets
		t.Fatal(err)
	}
	return string(b)
}

func TestWatchTellsCurrentThenNew(t *testing.T) {
	f, c, _ := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	epoch := uint64(0)
	var last error
	for d, err := range c.Watch(ctx) {
		if err != nil {
			last = err
			break
		}
		if d.Epoch <= epoch {
			t.Fatalf("epoch %d after %d", d.Epoch, epoch)
		}
		epoch = d.Epoch
		if epoch == 5 {
			cancel()
			continue
		}
		f.Raise() // nothing new: must tell nothing
		f.install(epoch + 1)
	}
	if epoch != 5 || !errors.Is(last, context.Canceled) {
		t.Errorf("epoch %d, error %v", epoch, last)
	}
}

func TestSlowWatcherSkipsToTheNewest(t *testing.T) {
	f, c, path := start(t)
	slow, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if _, err := io.WriteString(slow, "GET /v1/watch HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// The socket's buffer holds a few hundred lines at most; the writer must not wait for it.
	const views = 20000
	for e := range uint64(views) {
		f.install(e + 2)
	}
	if _, err := c.Version(t.Context()); err != nil {
		t.Fatal("the daemon waits for a slow reader:", err)
	}
	lines := 0
	want := `"epoch":20001,`
	var all []byte
	b := make([]byte, 1<<16)
	for !strings.Contains(string(all), want) {
		n, err := slow.Read(b)
		if err != nil {
			t.Fatalf("after %d lines: %v", lines, err)
		}
		lines += strings.Count(string(b[:n]), "\n")
		all = append(all[max(0, len(all)-64):], b[:n]...)
	}
	if lines > views/2 {
		t.Errorf("%d lines for %d views: nothing was skipped", lines, views)
	}
}

func TestFollowTellsEachEventOnce(t *testing.T) {
	f, c, _ := start(t)
	f.install(2)
	f.install(3)
	want := uint64(3)
	for e, err := range c.Follow(t.Context(), 2) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Number != want {
			t.Fatalf("event %d, want %d", e.Number, want)
		}
		if want == 10 {
			return
		}
		want++
		f.install(want)
	}
	t.Error("the stream ended")
}

func TestOrders(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may order")
	}
	f, c, _ := start(t)
	for _, o := range []Order{{Verb: Leave}, {Verb: Join}, {Verb: Shutdown}, {Verb: Found, Abandon: 3}, {Verb: Readmit, Node: "cn007"}} {
		if err := c.Do(t.Context(), o); err != nil {
			t.Error(o, err)
		}
		got := f.orders[len(f.orders)-1]
		if got.By.PID != os.Getpid() || got.By.UID != 0 {
			t.Errorf("%v ordered by %+v", o, got.By)
		}
		got.By = Peer{}
		if diff := cmp.Diff(o, got); diff != "" {
			t.Error(diff)
		}
	}
	taken := len(f.orders)
	if err := c.Do(t.Context(), Order{Verb: Found}); !isAPI(err, http.StatusBadRequest) {
		t.Error("found without a number:", err)
	}
	if err := c.Do(t.Context(), Order{Verb: "explode"}); !isAPI(err, http.StatusNotFound) {
		t.Error("unknown verb:", err)
	}
	if len(f.orders) != taken {
		t.Error("a bad order was carried out")
	}
	f.fail = errors.New("hand over first")
	err := c.Do(t.Context(), Order{Verb: Leave})
	if !isAPI(err, http.StatusConflict) || !strings.Contains(err.Error(), "hand over first") {
		t.Error(err)
	}
}

func isAPI(err error, status int) bool {
	var e *APIError
	return errors.As(err, &e) && e.Status == status
}

func TestMayOrder(t *testing.T) {
	for _, c := range []struct {
		peer Peer
		gid  uint32
		ok   bool
	}{
		{Peer{UID: 0, GID: 0}, nobody, true},
		{Peer{UID: 0, GID: 0}, 77, true},
		{Peer{UID: 1000, GID: 77}, 77, true},
		{Peer{UID: 1000, GID: 1000, Groups: []uint32{4, 77}}, 77, true},
		{Peer{UID: 1000, GID: 1000, Groups: []uint32{4, 78}}, 77, false},
		{Peer{UID: 1000, GID: 0, Groups: []uint32{0}}, 77, false},
		{Peer{UID: nobody, GID: nobody}, nobody, false},
		{Peer{UID: 1000, GID: nobody, Groups: []uint32{nobody}}, nobody, false},
	} {
		err := mayOrder(c.peer, defaultGroup, c.gid)
		if (err == nil) != c.ok {
			t.Errorf("%+v, group %d: %v", c.peer, c.gid, err)
		}
		if err != nil && !strings.Contains(err.Error(), "root") {
			t.Errorf("no remedy in %q", err)
		}
	}
}

func TestBadRequestsAreRefusedInWords(t *testing.T) {
	f, _, path := start(t)
	order := "400"
	if os.Geteuid() != 0 { // who may not order is not told what is wrong with it
		order = "403"
	}
	for request, status := range map[string]string{
		"GET /v1/nothing HTTP/1.0\r\n\r\n":                                       "404",
		"POST /v1/view HTTP/1.0\r\n\r\n":                                         "405",
		"GET /v1/leave HTTP/1.0\r\n\r\n":                                         "405",
		"GET /v1/events?since=x HTTP/1.0\r\n\r\n":                                "400",
		"GET /v1/events?since=-1 HTTP/1.0\r\n\r\n":                               "400",
		"GET /v1/events?follow=2 HTTP/1.0\r\n\r\n":                               "400",
		"GET /v1/events?sinse=1 HTTP/1.0\r\n\r\n":                                "400",
		"GET /v1/view?%zz HTTP/1.0\r\n\r\n":                                      "400",
		"POST /v1/found?abandon=0 HTTP/1.0\r\n\r\n":                              order,
		"POST /v1/found?abandon=4294967296 HTTP/1.0\r\n\r\n":                     order,
		"POST /v1/found?abandon=1&abandon=2 HTTP/1.0\r\n\r\n":                    "400",
		"POST /v1/leave HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}":                 "400",
		"GET /v1/view HTTP/1.0\r\nX: " + strings.Repeat("a", 20000) + "\r\n\r\n": "431",
	} {
		got := ask(t, path, request)
		if !strings.Contains(got[:min(len(got), 16)], " "+status+" ") {
			t.Errorf("%.60q: %.80q, want %s", request, got, status)
		}
		if status != "431" && !strings.Contains(got, `{"error":"`) {
			t.Errorf("%.60q: no error in %q", request, got)
		}
	}
	if len(f.orders) != 0 {
		t.Errorf("carried out %v", f.orders)
	}
}

func TestConnectionsOfOneUserAreLimited(t *testing.T) {
	l := newLimited(nil)
	for i := range connsMaxOfUser {
		if !l.take(1000) {
			t.Fatalf("connection %d refused", i)
		}
	}
	if l.take(1000) {
		t.Error("one too many was taken")
	}
	if !l.take(1001) || !l.take(0) {
		t.Error("another user is refused")
	}
	server, client := net.Pipe()
	defer client.Close()
	c := &conn{Conn: server, peer: Peer{UID: 1000}, of: l}
	c.Close()
	c.Close()
	if !l.take(1000) || l.take(1000) {
		t.Error("closing twice must give back one")
	}
}

func TestClientTellsErrorsApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.sock")
	_, err := NewClient(path).View(t.Context())
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	l, err := net.Listen("unix", path) // accepts nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err = NewClient(path).View(ctx); !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
	gone, c, _ := start(t)
	_ = gone
	ctx, cancel = context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	for _, err = range c.Watch(ctx) {
	}
	if !errors.Is(err, ErrTimeout) {
		t.Error(err)
	}
}

// FuzzRequests: whatever is asked without being entitled, nothing panics, nothing is ordered
// and every refusal says why.
func FuzzRequests(f *testing.F) {
	f.Add("GET", "/v1/view", "")
	f.Add("POST", "/v1/found?abandon=1", "")
	f.Add("POST", "/v1/leave", "{}")
	f.Add("GET", "/v1/events?since=18446744073709551616", "")
	f.Add("BREW", "/v1/../etc/passwd?%", "x")
	f.Fuzz(func(t *testing.T, method, target, body string) {
		r, err := http.NewRequest(method, "http://rollcall/", strings.NewReader(body))
		if err != nil {
			t.Skip()
		}
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // a watch tells the current view and ends
		src := &fake{doc: sample(1)}
		w := httptest.NewRecorder()
		(&Server{Source: src}).ServeHTTP(w, r.WithContext(ctx))
		if len(src.orders) != 0 {
			t.Errorf("%s %s ordered %v", method, target, src.orders)
		}
		if w.Code >= 300 && !strings.HasPrefix(w.Body.String(), `{"error":"`) {
			t.Errorf("%s %s: %d %q", method, target, w.Code, w.Body)
		}
	})
}

// FuzzNode asks for a node by any query: whatever is not one name that is known is refused,
// with words of bounded length.
func FuzzNode(f *testing.F) {
	for _, q := range []string{"", "name=cn001", "name=cn009", "name=", "name=a&name=b", "name=%zz", "nome=cn001", "name=" + strings.Repeat("x", 4000)} {
		f.Add(q)
	}
	s := &Server{Source: &fake{}}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/node", nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		values, err := url.ParseQuery(query)
		name, known := values.Get("name"), false
		if err == nil {
			known = len(values) == 0 || len(values) == 1 && len(values["name"]) == 1 && (name == "" || name == "cn001")
		}
		if known != (w.Code == http.StatusOK) || w.Code >= 500 || w.Body.Len() > 2048 {
			t.Errorf("query %q: %d, %d bytes", query, w.Code, w.Body.Len())
		}
	})
}
