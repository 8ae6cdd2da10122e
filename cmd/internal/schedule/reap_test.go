package schedule

import (
	"errors"
	"os/exec"
	"testing"
)

// TestReap: it says how the child ended, as Wait does.
func TestReap(t *testing.T) {
	for _, c := range []struct {
		command string
		code    int
	}{{"true", 0}, {"exit 3", 3}} {
		child := exec.Command("sh", "-c", c.command)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		err := Reap(child)
		var exit *exec.ExitError
		if code := child.ProcessState.ExitCode(); code != c.code || (c.code == 0) != (err == nil) || err != nil && !errors.As(err, &exit) {
			t.Errorf("%s: exit code %d, %v", c.command, code, err)
		}
	}
}
