package calls

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"rollcall/cmd/internal/key"
	"rollcall/control"
)

// TestNewerLetterIsRefusedByName: an agent that gets a letter of a later version says what of it it does not know,
// and whoever sent it has that in its log as a warning.
func TestNewerLetterIsRefusedByName(t *testing.T) {
	k := key.Generate()
	id := identity(t, k, "tofu", "cn002")
	peer := verified(t, id)
	for field, text := range map[string]string{
		"wizard": `{"kind":"join","cluster":"tofu","wizard":1,"from":{"name":"cn002","rpc":"a:1"}}`,
		"broom":  `{"kind":"join","cluster":"tofu","from":{"name":"cn002","rpc":"a:1","broom":{"x":1}}}`,
	} {
		s := &Server{Cluster: "tofu", Identity: id, Take: func(control.Message) error { t.Error("taken"); return nil }, Log: zerolog.Nop()}
		r := httptest.NewRequest("POST", Path, strings.NewReader(text))
		r.TLS = peer
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `unknown field "`+field+`"`) {
			t.Errorf("of %s: answered %d %s", field, w.Code, w.Body)
		}
	}

	_, addr, taken := serve(t, k)
	var log bytes.Buffer
	sender := NewSender(id, zerolog.New(&log).Level(zerolog.WarnLevel))
	defer sender.Close()
	for kind, warned := range map[control.MessageKind]bool{"dance": true, control.MessageJoin: false} {
		log.Reset()
		m := hello("cn002")
		if m.Kind = kind; !warned {
			m.Cluster = "miso" // it was understood
		}
		sender.complain(addr, &m, sender.call(addr, &m))
		var line struct{ Level, Error, To, Kind string }
		if log.Len() > 0 != warned {
			t.Errorf("%s: logged %q", kind, &log)
		} else if warned {
			if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Level != "warn" || line.To != addr || line.Kind != "dance" ||
				!strings.Contains(line.Error, `unknown kind "dance"`) || !strings.HasSuffix(line.Error, "another version of rollcalld?") {
				t.Errorf("logged %q: %v", &log, err)
			}
		}
	}
	if len(taken) != 0 {
		t.Error("a letter was taken")
	}
}

// TestNewerAnswerIsRead: of what an agent of a later version answers to a question, what is known is read.
func TestNewerAnswerIsRead(t *testing.T) {
	k := key.Generate()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{
		StructurePath: `{"leaders":{"0":"cn001"},"seats":["cn001"],"later":{"x":1}}`,
		ChangePath:    `{"kind":"yawned","rounds_used":1,"later":1,"evidence":[{"name":"cn003","later":[]}]}`,
		HeldPath:      `{"asked":2,"later":1,"views":[{"epoch":7,"later":1}]}`,
	}
	newer := &http.Server{TLSConfig: identity(t, k, "tofu", "cn001").serverTLS(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, answers[r.URL.Path])
	})}
	served := make(chan error)
	go func() { served <- newer.ServeTLS(l, "", "") }()
	defer func() { newer.Close(); <-served }()
	sender := NewSender(identity(t, k, "tofu", "cn002"), zerolog.Nop())
	defer sender.Close()
	addr := l.Addr().String()
	if d, err := sender.AskStructure(t.Context(), addr); err != nil || d.Leaders[0] != "cn001" {
		t.Errorf("structure: %+v, %v", d, err)
	}
	if d, err := sender.AskChange(t.Context(), addr, Change{}); err != nil || d.RoundsUsed != 1 || len(d.Evidence) != 1 || d.Evidence[0].Name != "cn003" {
		t.Errorf("change: %+v, %v", d, err)
	}
	if d, err := sender.Ask(t.Context(), addr, OfNode); err != nil || d.Asked != 2 || len(d.Views) != 1 || d.Views[0].Epoch != 7 {
		t.Errorf("held: %+v, %v", d, err)
	}
}
