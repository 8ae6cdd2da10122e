package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/key"
	"rollcall/dataplane"
	"rollcall/view/publish"
)

func checkConfig(path string) (*config.Config, []finding) {
	c, err := config.Load(path, nil)
	if err != nil {
		return nil, []finding{{"config", verdictFail, err.Error(), "interface, pins and key were not checked"}}
	}
	found := []finding{fine("config", c.String())}
	if _, err := key.Load(c.KeyFile); err != nil {
		return c, append(found, finding{"key", verdictFail, err.Error(), ""})
	}
	return c, append(found, fine("key", c.KeyFile))
}

// checkKernel probes what the kernel plane needs. Without it there is the socket plane.
func checkKernel() []finding {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return []finding{{"kernel", verdictFail, "read the kernel's version: " + err.Error(), ""}}
	}
	release := unix.ByteSliceToString(u.Release[:])
	found := []finding{fine("kernel", "Linux "+release)}
	for _, f := range dataplane.Features() {
		switch {
		case f.Err == nil:
		case errors.Is(f.Err, dataplane.ErrMissing):
			found = append(found, finding{"kernel", verdictNote, f.Name + " are missing",
				"only attach = \"socket\" works; Linux " + f.Since + " has them"})
		default:
			return append(found, finding{"kernel", verdictNote, fmt.Sprintf("could not probe for %s: %v", f.Name, f.Err),
				"run rollcall doctor as root"})
		}
	}
	if len(found) == 1 {
		found[0].What += ", has all that the kernel plane needs"
	}
	return found
}

// capability is one that the daemon uses, and what it is for.
type capability struct {
	name     string
	bit      uint
	without  string
	implying uint // another that stands for it too
}

var capabilities = []capability{
	{"CAP_BPF", unix.CAP_BPF, "only attach = \"socket\" works", unix.CAP_SYS_ADMIN},
	{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN, "only attach = \"socket\" works", unix.CAP_NET_ADMIN},
	{"CAP_NET_RAW", unix.CAP_NET_RAW, "transport = \"ether\" does not work", unix.CAP_NET_RAW},
	{"CAP_SYS_NICE", unix.CAP_SYS_NICE, "the daemon has no real-time priority, and a busy host starves it", unix.CAP_SYS_NICE},
	{"CAP_IPC_LOCK", unix.CAP_IPC_LOCK, "the daemon's memory may be swapped out", unix.CAP_IPC_LOCK},
}

func checkCapabilities() []finding {
	effective, err := effectiveCapabilities()
	if err != nil {
		return []finding{{"capabilities", verdictNote, err.Error(), ""}}
	}
	var found []finding
	for _, c := range capabilities {
		if effective>>c.bit&1 == 0 && effective>>c.implying&1 == 0 {
			found = append(found, finding{"capabilities", verdictNote, c.name + " is missing: " + c.without,
				"run rollcalld as root, or with AmbientCapabilities=" + c.name})
		}
	}
	if found == nil {
		return []finding{fine("capabilities", "all that the daemon uses")}
	}
	return found
}

func effectiveCapabilities() (uint64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, fmt.Errorf("read capabilities: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
		}
	}
	return 0, errors.New("read capabilities: /proc/self/status has no CapEff")
}

// checkHost looks at what the configuration names.
func checkHost(c *config.Config) []finding {
	var found []finding
	switch on, err := dataplane.OnBPFFS(c.PinDir); {
	case c.Attach == dataplane.AttachSocket:
	case err != nil:
		found = append(found, finding{"bpffs", verdictFail, err.Error(), ""})
	case !on:
		found = append(found, finding{"bpffs", verdictFail, c.PinDir + " is not on a BPF file system", "run: mount -t bpf bpf /sys/fs/bpf"})
	default:
		found = append(found, fine("bpffs", c.PinDir))
	}
	for _, name := range c.Interfaces {
		found = append(found, checkInterface(name))
	}
	return found
}

func checkInterface(name string) finding {
	d, err := dataplane.InspectDevice(name)
	if err != nil {
		return finding{"interface", verdictFail, err.Error(), "set interfaces in the configuration"}
	}
	what := fmt.Sprintf("%s: %s, MTU %d", d.Name, d.Driver, d.MTU)
	switch {
	case !d.Up:
		return finding{"interface", verdictFail, what + ", down", "run: ip link set " + name + " up"}
	case !d.Carrier:
		return finding{"interface", verdictFail, what + ", no carrier", "look at its cable and switch port"}
	case !d.Ethernet:
		return finding{"interface", verdictNote, what + ", not Ethernet", "only attach = \"socket\" with transport = \"udp\" works"}
	case d.XDP != "" && !strings.HasPrefix(d.XDP, "rc_"):
		return finding{"interface", verdictNote, what + ", its XDP hook is taken by " + d.XDP, "attach = \"tc\" works beside it"}
	case d.XDP != "":
		return fine("interface", what+", served by "+d.XDP)
	}
	return fine("interface", what)
}

// checkDaemon asks at the socket that the configuration names, unless the user named one.
func (a *app) checkDaemon(ctx context.Context, given bool, c *config.Config) []finding {
	socket := a.socket
	if !given && a.getenv("ROLLCALL_SOCKET") == "" && c != nil {
		socket = c.Socket
	}
	s, err := publish.NewClient(socket).Status(ctx)
	if err != nil {
		return []finding{{"daemon", verdictNote, err.Error(), ""}}
	}
	return append([]finding{judgeDaemon(s)}, checkPacer(s)...)
}

func judgeDaemon(s *publish.StatusDocument) finding {
	switch {
	case s.Awaiting != "":
		return finding{"daemon", verdictNote, s.Role + ", waits: " + s.Awaiting, ""}
	case !s.Valid:
		return finding{"daemon", verdictNote, s.Role + ", its view is not valid", "rollcall events says why"}
	}
	return fine("daemon", fmt.Sprintf("%s on %s, pid %d, %s", s.Role, s.Node, s.PID, frames(s)))
}

// checkPacer tells where the daemon would have to keep the beat itself, with its thread.
func checkPacer(s *publish.StatusDocument) []finding {
	switch p := &s.Pacing; {
	case s.Plane != "kernel":
		return nil // told by the daemon's line
	case p.Refused == dataplane.ByConfiguration:
		return []finding{{"pacer", verdictNote, pacer(p), "pacer = \"auto\" lets the kernel keep the beat"}}
	case p.Refused != "":
		return []finding{{"pacer", verdictNote, pacer(p), "while this node leads, a busy host delays its beats"}}
	default:
		return []finding{fine("pacer", pacer(p))}
	}
}
