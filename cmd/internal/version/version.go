// Package version tells which build of the project this is.
package version

import (
	"runtime/debug"
	"strings"
)

// stamp is set by the linker: the output of git describe.
var stamp string

// String is the version that the build was stamped with, or what the go command knows of it.
func String() string {
	if stamp != "" {
		return stamp
	}
	if b, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(b.Main.Version, "v") {
		return b.Main.Version
	}
	return "unknown"
}
