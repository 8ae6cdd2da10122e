package netlab

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const (
	bpffs     = "/sys/fs/bpf"
	pinPrefix = "rollcall-lab-"
)

// pinRoot is the directory of everything that a lab pins.
func pinRoot(lab string) string { return filepath.Join(bpffs, pinPrefix+lab) }

// PinDir is where a node's daemon pins its maps.
func PinDir(lab, node string) string { return filepath.Join(pinRoot(lab), node) }

// MountBPF mounts the BPF file system unless it is mounted.
func MountBPF() error {
	var s unix.Statfs_t
	if err := unix.Statfs(bpffs, &s); err == nil && s.Type == unix.BPF_FS_MAGIC {
		return nil
	}
	if err := os.MkdirAll(bpffs, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", bpffs, err)
	}
	if err := unix.Mount("bpf", bpffs, "bpf", 0, "mode=0700"); err != nil {
		return fmt.Errorf("mount the BPF file system on %s: %w (needs root and CONFIG_BPF_SYSCALL)", bpffs, err)
	}
	return nil
}
