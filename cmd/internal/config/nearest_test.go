package config

import (
	"strings"
	"testing"
)

// TestUnknownKeySuggests: of an unknown key the error ends with the known one that was likely meant, and with the
// list where none is near.
func TestUnknownKeySuggests(t *testing.T) {
	top := func(line string) string { return line + "\n" + good }
	in := func(line string) string { return good + line + "\n" }
	for _, c := range []struct{ text, ends string }{
		{top(`intervall = "10ms"`), `f:1: intervall: unknown key; the keys are … and [[group]]: did you mean "interval"?`},
		{top(`inteval = "10ms"`), `did you mean "interval"?`},
		{top(`rouns = 5`), `did you mean "rounds"?`},
		{top(`prot = 7`), `did you mean "port"?`},
		{top(`Key-File = "/k"`), `did you mean "key_file"?`},
		{top(`founder = "cn001"`), `did you mean "founders"?`},
		{top(`agent_graze = "1s"`), `did you mean "agent_grace"?`},
		{strings.Replace(good, "[[group]]", "[[groups]]", 1), `did you mean "group"?`},
		{top(`wizard = 1`), `priority and [[group]]`},
		{top(`x = 1`), `priority and [[group]]`},
		{top(strings.Repeat("interval", 9) + ` = 1`), `priority and [[group]]`},
		{in(`node = "cn001"`), `f:11: group 1: node: unknown key; the keys of a group are …, transport: did you mean "nodes"?`},
		{in(`trasnport = "udp"`), `did you mean "transport"?`},
		{in(`label = "x"`), `nodes, transport`},
	} {
		_, err := Parse("f", []byte(c.text), nil)
		if err == nil {
			t.Errorf("taken: %s", c.ends)
			continue
		}
		first, _, _ := strings.Cut(c.ends, "…")
		_, last, listed := strings.Cut(c.ends, "…")
		if !listed {
			first, last = "", c.ends
		}
		found := false
		for line := range strings.SplitSeq(err.Error(), "\n") {
			found = found || strings.HasPrefix(line, first) && strings.HasSuffix(line, last)
		}
		if !found {
			t.Errorf("got:\n%v\nwant a line: %s", err, c.ends)
		}
	}
	if _, err := Parse("f", []byte(good), map[string]string{"roundz": "9"}); err == nil || !strings.HasSuffix(err.Error(), `no key "roundz" to set: did you mean "rounds"?`) {
		t.Errorf("of a flag: %v", err)
	}
}
