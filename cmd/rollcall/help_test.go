package main

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands lists every command that users can type.
func commands(t *testing.T) []*cobra.Command {
	t.Helper()
	a := &app{environment: environment{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}}
	root := a.root()
	var all []*cobra.Command
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		all = append(all, c)
		for _, below := range c.Commands() {
			if below.Name() != "help" {
				add(below)
			}
		}
	}
	add(root)
	return all
}

func TestEveryCommandHasHelp(t *testing.T) {
	for _, c := range commands(t) {
		for what, text := range map[string]string{"summary": c.Short, "description": c.Long, "example": c.Example} {
			if text == "" {
				t.Errorf("%s has no %s", c.Name(), what)
			}
		}
		if strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: the summary %q ends with a full stop", c.Name(), c.Short)
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s: the example does not use the command", c.Name())
		}
		for line := range strings.Lines(c.Long) {
			if len(line) > 100 {
				t.Errorf("%s: line of %d characters in the description", c.Name(), len(line))
			}
		}
		path := strings.Fields(c.CommandPath())[1:]
		if r := invoke(t.Context(), "/nowhere", append(path, "--help")...); r.code != exitOK || !strings.Contains(r.out, c.Example) {
			t.Errorf("%s --help: exit %d, or no example in it", c.Name(), r.code)
		}
	}
}

// TestExamplesParse keeps the examples in step with commands and flags: each rollcall in
// them must name a command and flags that exist.
func TestExamplesParse(t *testing.T) {
	for _, c := range commands(t) {
		for line := range strings.Lines(c.Example) {
			for _, call := range calls(line) {
				a := &app{environment: environment{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}}
				found, rest, err := a.root().Find(call)
				if err == nil {
					err = found.ParseFlags(rest)
				}
				if err == nil {
					err = found.ValidateArgs(found.Flags().Args())
				}
				if err != nil {
					t.Errorf("example %q: %v", strings.TrimSpace(line), err)
				}
			}
		}
	}
}

// calls finds the command lines of rollcall in a line of shell.
func calls(line string) [][]string {
	var found [][]string
	line = strings.ReplaceAll(line, "$(hostname -s)", "cn001")
	for {
		_, rest, ok := strings.Cut(line, "rollcall ")
		if !ok {
			return found
		}
		end := strings.IndexAny(rest, ")|>&\n")
		if end < 0 {
			end = len(rest)
		}
		found = append(found, strings.Fields(rest[:end]))
		line = rest[end:]
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if r := invoke(t.Context(), "/nowhere", "completion", shell); r.code != exitOK || !strings.Contains(r.out, "rollcall") {
			t.Errorf("completion %s: exit %d, %d bytes", shell, r.code, len(r.out))
		}
	}
}
