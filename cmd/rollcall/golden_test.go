package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"rollcall/dataplane"
	"rollcall/view/publish"
)

// TestGolden runs the command lines in testdata against a fake daemon. Each case is a line
// "rollcall" with the arguments below it; "daemon" changes what the daemon has to say. What
// went to standard error is marked, the exit code comes last.
//
// go test ./cmd/rollcall -rewrite writes the output as it is now.
func TestGolden(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		f := start(t)
		socket := f.socket
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "rollcall":
				return invoke(t.Context(), socket, strings.Fields(d.Input)...).String()
			case "daemon":
				socket = f.socket
				f.set(func(doc *publish.Document) { *doc = document(7) })
				f.refuse, f.turned, f.paced = "", d.HasArg("turned"), ticking()
				switch {
				case d.HasArg("gone"):
					socket = filepath.Join(t.TempDir(), "nobody")
				case d.HasArg("thread"):
					f.paced = publish.Pacing{Pacer: dataplane.PacerThread, Refused: dataplane.ByConfiguration, CPU: 1}
				case d.HasArg("clockless"):
					f.paced = publish.Pacing{Pacer: dataplane.PacerThread, Refused: "make the veth pair rc-1-t, rc-1-w: operation not supported", CPU: -1}
				case d.HasArg("lost"):
					f.paced.Lost = 2
				case d.HasArg("invalid"):
					f.set(func(doc *publish.Document) { doc.Valid, doc.LeaseMS = false, 0 })
				case d.HasArg("new"):
					f.set(func(doc *publish.Document) { *doc = publish.NewDocument(nil, nil, nil); doc.Cluster = "tofu" })
				case d.HasArg("refuses"):
					f.refuse = "cn001 is the last member: rollcall shutdown ends the cluster"
				}
				return ""
			}
			t.Fatalf("unknown case %q", d.Cmd)
			return ""
		})
	})
}
