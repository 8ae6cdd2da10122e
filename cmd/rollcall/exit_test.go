package main

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"rollcall/view/publish"
)

func TestExitCodes(t *testing.T) {
	for want, err := range map[int]error{
		exitOK:          nil,
		exitError:       errors.New("other"),
		exitNoView:      fmt.Errorf("read: %w", errNoView),
		exitUnreachable: fmt.Errorf("reach: %w", publish.ErrUnreachable),
		exitTimeout:     fmt.Errorf("wait: %w", publish.ErrTimeout),
	} {
		if got := exitCode(err); got != want {
			t.Errorf("exit code of %v is %d, want %d", err, got, want)
		}
	}
	if exitCode(context.Canceled) != exitOK || exitCode(context.DeadlineExceeded) != exitTimeout {
		t.Error("an interrupt is no error, a deadline is a timeout")
	}
	if exitCode(&publish.APIError{Status: 403, Message: "not entitled"}) != exitError {
		t.Error("a refusal is an error")
	}
}
