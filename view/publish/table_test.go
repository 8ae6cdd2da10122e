package publish

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/view"
)

func TestTextIsWhatPeopleSee(t *testing.T) {
	d := NewDocument(&view.View{
		Cluster: "tofu", Instance: 1, Epoch: 42, Leader: "cn002",
		Members: []view.Identity{
			{Name: "cn010", Slot: 0, Incarnation: 0xa}, {Name: "cn002", Slot: 1, Incarnation: 0xb},
			{Name: "cn003", Slot: 2, Incarnation: 0xc}, {Name: "login", Group: 1, Slot: 0, Incarnation: 0xd},
		},
	}, func(m view.Identity) view.State {
		if m.Name == "cn010" {
			return view.Suspect
		}
		return view.Alive
	}, []Member{{Name: "cn001", Slot: 3, State: view.Gone}})
	lost := d
	d.Valid, d.LeaseMS = true, 340
	lost.Leader = ""
	none := NewDocument(nil, nil, nil)
	none.Cluster = "tofu"
	for name, c := range map[string]struct {
		text Text
		doc  Document
		want string
	}{
		"table": {Text{}, d, "" +
			"cluster tofu  instance 1  epoch 42  hash " + d.Hash + "  leader cn002  valid for 340ms\n" +
			"STATE    NNODES  NODELIST\n" +
			"alive    3       cn[002-003],login\n" +
			"suspect  1       cn010\n" +
			"gone     1       cn001\n"},
		"wide": {Text{Wide: true}, d, "" +
			"cluster tofu  instance 1  epoch 42  hash " + d.Hash + "  leader cn002  valid for 340ms\n" +
			"NAME   STATE    GROUP  SLOT  INCARNATION\n" +
			"cn001  gone     0      3     -\n" +
			"cn002  alive    0      1     000000000000000b\n" +
			"cn003  alive    0      2     000000000000000c\n" +
			"cn010  suspect  0      0     000000000000000a\n" +
			"login  alive    1      0     000000000000000d\n"},
		"no header": {Text{NoHeader: true}, d, "" +
			"alive    3  cn[002-003],login\n" +
			"suspect  1  cn010\n" +
			"gone     1  cn001\n"},
		"lost": {Text{}, lost, "" +
			"cluster tofu  instance 1  epoch 42  hash " + d.Hash + "  leader none known  NOT VALID\n" +
			"STATE    NNODES  NODELIST\n" +
			"alive    3       cn[002-003],login\n" +
			"suspect  1       cn010\n" +
			"gone     1       cn001\n"},
		"none": {Text{}, none, "cluster tofu  no view yet\nSTATE  NNODES  NODELIST\n"},
	} {
		var b bytes.Buffer
		if err := c.text.Write(&b, &c.doc); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(c.want, b.String()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if err := Table(brokenPipe{}, &d); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
	if got := strings.Join(d.Names(), " "); got != "cn010 cn002 cn003 login" {
		t.Error("in the view:", got)
	}
	if got := strings.Join(d.Names(view.Gone, view.Suspect), " "); got != "cn010 cn001" {
		t.Error("gone and suspect:", got)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestHeadlineOfAShortLease(t *testing.T) {
	d := &Document{Cluster: "tofu", Instance: 1, Epoch: 2, Leader: "cn001", Valid: true}
	if got := Headline(d); !strings.HasSuffix(got, "valid for less than 1ms") {
		t.Errorf("a valid view is shown as %q", got)
	}
}
