package main

import (
	"context"
	"errors"

	"rollcall/view/publish"
)

// The exit codes.
const (
	exitOK          = 0
	exitError       = 1
	exitNoView      = 2
	exitUnreachable = 3
	exitTimeout     = 4
)

// errNoView is what a view is answered with that cannot be trusted: none was installed, or
// its lease has ended.
var errNoView = errors.New("no valid view")

// exitCode says which of the promised codes an error is.
func exitCode(err error) int {
	switch {
	case err == nil, errors.Is(err, context.Canceled): // Ctrl-C ends a watch well
		return exitOK
	case errors.Is(err, errNoView):
		return exitNoView
	case errors.Is(err, publish.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	case errors.Is(err, publish.ErrUnreachable):
		return exitUnreachable
	}
	return exitError
}
