package publish

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestListenReplacesTheDeadAndRefusesTheLiving(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "rollcall.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	_, err = Listen(path)
	if !errors.Is(err, ErrLiving) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("second daemon: %v", err)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Error("the refused one broke the socket:", err)
	} else {
		c.Close()
	}
	// A daemon that dies leaves its socket but not its lock.
	l.(*locked).Listener.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	l, err = Listen(path)
	if err != nil {
		t.Fatal("stale socket:", err)
	}
	l.Close()
}

func TestListenRefusesALivingOneWithoutALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(path); !errors.Is(err, ErrLiving) {
		t.Error(err)
	}
}

func TestListenLeavesForeignFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.sock")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); err == nil {
		t.Error("listening on a file")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Error(string(b), err)
	}
	if _, err := Listen("/" + strings.Repeat("x", 200)); err == nil || !strings.Contains(err.Error(), "107") {
		t.Error(err)
	}
}
