package netlab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	namespaceDir    = "/run/netns" // where ip-netns(8) looks
	namespacePrefix = "rc-"
	ownNamespace    = "/proc/thread-self/ns/net"
)

// switchNamespace names the namespace of a lab's bridge.
func switchNamespace(lab string) string { return namespacePrefix + lab }

// Namespace names the namespace of a node as ip-netns(8) knows it.
func Namespace(lab, node string) string { return namespacePrefix + lab + "-" + node }

// onThread runs f in a goroutine that has an OS thread to itself and brings the thread back
// to the network namespace it started in.
func onThread(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open(ownNamespace)
		if err != nil {
			done <- fmt.Errorf("open own network namespace: %w", err)
			return
		}
		defer home.Close()
		err = f()
		if back := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); back != nil {
			// The thread stays locked and ends with this goroutine.
			done <- errors.Join(err, fmt.Errorf("return from network namespace: %w", back))
			return
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// inside runs f on a thread that is in the named namespace. Goroutines that f starts are not.
func inside(name string, f func() error) error {
	return onThread(func() error {
		if err := enter(name); err != nil {
			return err
		}
		return f()
	})
}

// enter moves the calling thread to the named namespace.
func enter(name string) error {
	ns, err := os.Open(filepath.Join(namespaceDir, name))
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer ns.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace %s: %w", name, err)
	}
	return nil
}

// makeNamespace makes a named namespace with its loopback up, and runs f in it.
func makeNamespace(name string, f func() error) error {
	path := filepath.Join(namespaceDir, name)
	if err := os.MkdirAll(namespaceDir, 0o755); err != nil {
		return fmt.Errorf("make %s: %w", namespaceDir, err)
	}
	mark, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o444)
	if err != nil {
		return fmt.Errorf("name network namespace: %w", err)
	}
	mark.Close()
	err = onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("make network namespace %s: %w", name, err)
		}
		if err := unix.Mount(ownNamespace, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("bind network namespace to %s: %w", path, err)
		}
		lo, err := netlink.LinkByName("lo")
		if err != nil {
			return fmt.Errorf("find loopback of %s: %w", name, err)
		}
		if err := netlink.LinkSetUp(lo); err != nil {
			return fmt.Errorf("bring up loopback of %s: %w", name, err)
		}
		return f()
	})
	if err != nil {
		err = errors.Join(err, removeNamespace(name))
	}
	return err
}

// removeNamespace takes the name away. The kernel deletes the namespace, and every device in
// it, when the last process in it has ended.
func removeNamespace(name string) error {
	path := filepath.Join(namespaceDir, name)
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && err != unix.EINVAL && err != unix.ENOENT {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove network namespace: %w", err)
	}
	return nil
}

// namespacesOf lists the namespaces of a lab, that of the bridge last.
func namespacesOf(lab string) ([]string, error) {
	entries, err := os.ReadDir(namespaceDir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	var names []string
	hub := false
	for _, e := range entries {
		switch name := e.Name(); {
		case name == switchNamespace(lab):
			hub = true
		case strings.HasPrefix(name, switchNamespace(lab)+"-"):
			names = append(names, name)
		}
	}
	if hub {
		names = append(names, switchNamespace(lab))
	}
	return names, nil
}
