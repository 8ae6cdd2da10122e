package main

import (
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"rollcall/cmd/internal/version"
	"rollcall/control"
	"rollcall/view/publish"
)

// Stats implements publish.Source. The context switches are those of all threads that the
// daemon has and had.
func (s *source) Stats() publish.StatsDocument {
	d := publish.StatsDocument{
		Schema: publish.Schema, Node: s.cfg.Node, Plane: s.plane.Describe().Plane, MonoNS: monotonic(),
		Frames: make(map[string]uint64, control.Reasons),
		Wakes:  s.loop.counts.wakes.Load(), Steps: s.loop.counts.steps.Load(), Sent: s.loop.counts.frames.Load(),
		Letters: s.loop.counts.letters.Load(), Views: s.loop.counts.views.Load(),
	}
	d.Taken, d.Denied = s.called.Counts()
	_, d.Failed = s.sender.Counts()
	for reason, n := range s.plane.Stats() {
		if control.Reason(reason) != control.ReasonNone {
			d.Frames[control.Reason(reason).String()] = n
		}
	}
	var use unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &use) == nil {
		d.Voluntary, d.Involuntary = uint64(use.Nvcsw), uint64(use.Nivcsw)
		d.UserUS, d.SystemUS = use.Utime.Nano()/1000, use.Stime.Nano()/1000
	}
	return d
}

// Version implements publish.Source.
func (s *source) Version() publish.VersionDocument {
	d := publish.VersionDocument{
		Version: version.String(), Go: runtime.Version(), Wire: [2]int{control.WireVersion, control.WireVersion}, Schema: publish.Schema,
	}
	if b, ok := debug.ReadBuildInfo(); ok {
		for _, s := range b.Settings {
			if s.Key == "vcs.revision" {
				d.Commit = s.Value
			}
		}
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		d.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	return d
}

// monotonic reads CLOCK_MONOTONIC.
func monotonic() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0 // does not happen on Linux
	}
	return uint64(ts.Nano())
}
