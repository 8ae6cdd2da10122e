package dataplane

import (
	"crypto/rand"
	"encoding/binary"
	"hash/fnv"
	"os"
	"strings"
	"sync"

	"rollcall/control"
)

// newIncarnation draws the number of a register's life. It names the boot of the host, by which a leader
// tells a register that ended with its kernel from one that was given up.
func newIncarnation() uint64 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return control.IncarnationOf(boot(), binary.NativeEndian.Uint32(b[:]))
}

// boot is the kernel's random name of this boot, shortened; zero where it cannot be read.
var boot = sync.OnceValue(func() uint32 {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(strings.TrimSpace(string(id))))
	return h.Sum32()
})
