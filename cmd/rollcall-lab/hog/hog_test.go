package hog

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestRun(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to raise priorities")
	}
	const during = 20 * time.Millisecond
	for _, kind := range Kinds() {
		used := func() int64 {
			var u unix.Rusage
			if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
				t.Fatal(err)
			}
			return u.Utime.Nano() + u.Stime.Nano() + int64(u.Nvcsw)
		}
		before, began := used(), time.Now()
		if err := Run(kind, 1, during); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if time.Since(began) < during || used() == before {
			t.Errorf("%s: over after %v", kind, time.Since(began))
		}
	}
	if Run("idle", 1, during) == nil || Run("busy", 0, during) == nil || Run("busy", 1<<20, during) == nil {
		t.Error("nonsense was taken")
	}
}
