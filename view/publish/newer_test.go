package publish

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/view"
)

// newer answers as a daemon of a later version would, of which the tests know no more than that it adds fields
// and states.
var newer = map[string]string{
	"/v1/view": `{"schema":1,"later":{"x":[1]},"cluster":"tofu","epoch":7,"members":[
		{"name":"cn001","group":0,"slot":1,"state":"alive","later":1},
		{"name":"cn002","group":0,"slot":2,"state":"dozing","later":[]}],
		"counts":{"alive":1,"dozing":1,"unknown":0,"gone":0}}`,
	"/v1/status":  `{"schema":1,"node":"cn001","later":{"x":1}}`,
	"/v1/events":  `[{"number":3,"kind":"yawned","node":"cn001","later":1,"evidence":[{"name":"cn002","later":{}}]}]`,
	"/v1/version": `{"version":"9","wire":[1,7],"later":"x"}`,
}

// TestClientReadsANewerDaemon: while a cluster is upgraded, a client reads of a daemon's answers what it knows.
func TestClientReadsANewerDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	one := strings.NewReplacer("\n", "", "\t", "")
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		of := r.URL.Path
		if of == "/v1/watch" {
			of = "/v1/view"
		}
		body := newer[of]
		if r.URL.Query().Get("follow") != "" {
			body = strings.Trim(body, "[]")
		}
		_, _ = io.WriteString(w, one.Replace(body)+"\n")
	})}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	defer func() { s.Close(); <-served }()

	c := NewClient(path)
	want := &Document{
		Schema: 1, Cluster: "tofu", Epoch: 7,
		Members: []Member{{Name: "cn001", Slot: 1, State: view.Alive}, {Name: "cn002", Slot: 2}},
		Counts:  Counts{view.Unknown: 1, view.Alive: 1, view.Gone: 0},
	}
	if d, err := c.View(t.Context()); err != nil || !cmp.Equal(d, want) {
		t.Errorf("view: %+v, %v", d, err)
	}
	for d, err := range c.Watch(t.Context()) {
		if err != nil || !cmp.Equal(d, want) {
			t.Errorf("watch: %+v, %v", d, err)
		}
		break
	}
	if d, err := c.Status(t.Context()); err != nil || d.Node != "cn001" {
		t.Errorf("status: %+v, %v", d, err)
	}
	event := EventDocument{Number: 3, Kind: "yawned", Node: "cn001", Evidence: []Evidence{{Name: "cn002"}}}
	if l, err := c.Events(t.Context(), 0); err != nil || len(l) != 1 || !cmp.Equal(l[0], event) {
		t.Errorf("events: %+v, %v", l, err)
	}
	for e, err := range c.Follow(t.Context(), 0) {
		if err != nil || !cmp.Equal(*e, event) {
			t.Errorf("follow: %+v, %v", e, err)
		}
		break
	}
	if d, err := c.Version(t.Context()); err != nil || d.Version != "9" {
		t.Errorf("version: %+v, %v", d, err)
	}
}
