package dataplane

import (
	"golang.org/x/sys/unix"

	"rollcall/control"
)

// Now reads CLOCK_BOOTTIME, the clock of all times in registers, tallies and frames. The
// kernel's programs read the same one (bpf_ktime_get_boot_ns).
func Now() control.Time {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("read CLOCK_BOOTTIME: " + err.Error()) // in every kernel since 2.6.39
	}
	return control.Time(ts.Nano())
}
