package dataplane

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// pinned are the maps that outlive the agent. Keys do not: they are in the programs' reach
// but under no name. A file system of pins takes no other files, and no dots in names.
var pinned = []string{
	mapGroup, mapTally, mapMember, mapLock, mapTimer, mapEvents, mapStats, mapXDPProgs, mapTCProgs, mapXDPLogic, mapTCLogic, mapPeer, mapPace,
}

// pinPath is where a cluster's pins are. Names of clusters have no underscore, so that
// the paths of the lock and of pins under construction are free.
func pinPath(pinDir, cluster string) string { return filepath.Join(pinDir, cluster) }

// preparePinDir makes the directory of all clusters, on a bpffs.
func preparePinDir(pinDir string) error {
	mounted, err := OnBPFFS(pinDir)
	if err != nil {
		return err
	}
	if !mounted {
		at := pinDir
		if strings.HasPrefix(pinDir, "/sys/fs/bpf/") {
			at = "/sys/fs/bpf"
		}
		return fmt.Errorf("pin directory %s is not on a BPF file system: run `mount -t bpf bpf %s`", pinDir, at)
	}
	if err := os.MkdirAll(pinDir, 0o750); err != nil {
		return fmt.Errorf("make pin directory %s: %w", pinDir, err)
	}
	return nil
}

// lockPins keeps a second agent off the cluster's pins for as long as the file is open.
func lockPins(pinDir, cluster, ifname string) (*os.File, error) {
	path := pinPath(pinDir, cluster) + "_lock"
	for {
		if err := os.MkdirAll(path, 0o750); err != nil {
			return nil, fmt.Errorf("make lock: %w", err)
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // unlocked and removed just now
		}
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = fmt.Errorf("%w: another rollcalld (pid %s) serves cluster %s on interface %s: stop it first",
				errServed, lockHolder(f), cluster, ifname)
		}
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		locked, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("look at lock: %w", err)
		}
		if found, err := os.Stat(path); err == nil && os.SameFile(locked, found) {
			return f, nil
		}
		f.Close() // removed between open and lock
	}
}

// unlockPins removes a lock that nothing is pinned behind any more, and the directory of
// all clusters when it is empty.
func unlockPins(lock *os.File) {
	os.Remove(lock.Name())
	os.Remove(filepath.Dir(lock.Name()))
	lock.Close()
}

// lockHolder finds who holds the lock on a file.
func lockHolder(f *os.File) string {
	var st unix.Stat_t
	locks, err := os.Open("/proc/locks")
	if err != nil || unix.Fstat(int(f.Fd()), &st) != nil {
		return "unknown"
	}
	defer locks.Close()
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	for s := bufio.NewScanner(locks); s.Scan(); {
		// 1: FLOCK  ADVISORY  WRITE 1234 00:1f:56 0 EOF
		if w := strings.Fields(s.Text()); len(w) > 5 && w[1] == "FLOCK" && w[5] == want {
			return w[4]
		}
	}
	return "unknown"
}

// loadPins opens the pinned maps of an earlier agent, or returns none where there are none.
func loadPins(dir string) (map[string]*ebpf.Map, error) {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	maps := make(map[string]*ebpf.Map)
	for _, name := range append([]string{mapDoor}, pinned...) {
		m, err := ebpf.LoadPinnedMap(filepath.Join(dir, name), nil)
		if errors.Is(err, fs.ErrNotExist) && !slices.Contains([]string{mapDoor, mapGroup, mapXDPProgs, mapTCProgs}, name) {
			continue // of a version that had none: another layout, which is carried over
		}
		if err != nil {
			closeMaps(maps)
			return nil, fmt.Errorf("open pinned map %s: %w", filepath.Join(dir, name), err)
		}
		maps[name] = m
	}
	return maps, nil
}

func closeMaps(maps map[string]*ebpf.Map) {
	for _, m := range maps {
		m.Close()
	}
}

// pinAll pins the maps in a directory that appears complete or not at all.
func pinAll(dir string, maps map[string]*ebpf.Map, door *ebpf.Map) error {
	next := dir + "_new"
	if err := os.RemoveAll(next); err != nil {
		return fmt.Errorf("remove what an unfinished start left: %w", err)
	}
	if err := os.Mkdir(next, 0o750); err != nil {
		return fmt.Errorf("make pin directory: %w", err)
	}
	if err := door.Pin(filepath.Join(next, mapDoor)); err != nil {
		return fmt.Errorf("pin %s: %w", mapDoor, err)
	}
	for _, name := range pinned {
		if err := maps[name].Pin(filepath.Join(next, name)); err != nil {
			return fmt.Errorf("pin %s: %w", name, err)
		}
	}
	if err := os.Rename(next, dir); err != nil {
		return fmt.Errorf("put pins in place: %w", err)
	}
	return nil
}
