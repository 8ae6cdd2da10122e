package control

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzMessage: no bytes make the decoder or Validate panic, and what Validate takes means
// the same after another way over the wire.
func FuzzMessage(f *testing.F) {
	for _, kind := range []MessageKind{MessageJoin, MessageRoster, MessageState, MessageAnswer} {
		m := goodMessage()
		m.Kind = kind
		b, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"kind":"join","from":{"name":"a","rpc":"b","rails":[{"udp":"[fe80::1%eth0]:1","mac":[1,2,3]}]}}`))
	f.Add([]byte(`{"kind":"roster","instance":1,"roster":{"seats":null},"from":{"name":"a","rpc":"b"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > MessageMax {
			return
		}
		var m Message
		if json.Unmarshal(b, &m) != nil || m.Validate() != nil {
			return
		}
		once, err := json.Marshal(&m)
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		var back Message
		if err := json.Unmarshal(once, &back); err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, once)
		}
		if err := back.Validate(); err != nil {
			t.Fatalf("not valid any more: %v\n%s", err, once)
		}
		twice, err := json.Marshal(&back)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v:\n%s\n%s", err, once, twice)
		}
		if m.Roster != nil && m.Roster.Version() != back.Roster.Version() {
			t.Fatalf("the roster is another: %s", once)
		}
	})
}
