package sim

import (
	"encoding/json"
	"fmt"
	"os"

	"rollcall/control"
)

// Stored is a run in testdata: what broke a guarantee once, and does again where the rule is undone that
// came of it. It says what it is made of, so that it stays the same when seeds come to mean other runs.
type Stored struct {
	Story   string
	Breaks  string // the guarantee, where the rule is undone
	Options Options
}

// dice is how many seeds a stored run is repeated with, from its own on: where the code sends one frame
// more, the same dice fall on other frames.
const dice = 100

// Load reads a stored run.
func Load(file string) (*Stored, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read stored run: %w", err)
	}
	s := new(Stored)
	if err := json.Unmarshal(text, s); err != nil {
		return nil, fmt.Errorf("read stored run %s: %w", file, err)
	}
	return s, nil
}

// Replay repeats the run until it breaks something, or all dice are cast.
func (s *Stored) Replay(newNode func(control.Config) Node, trace func(line string)) (r Result) {
	o := s.Options
	for range dice {
		if r = Run(o, newNode, trace); r.Violation != nil {
			break
		}
		o.Seed++
	}
	return r
}

// Keep shrinks a run that breaks something and gives it as testdata has it; nil where nothing broke.
func Keep(o Options, newNode func(control.Config) Node, tries int) *Stored {
	o, r := Shrink(o, newNode, tries)
	if r.Violation == nil {
		return nil
	}
	return &Stored{Story: fmt.Sprint(r.Violation), Breaks: r.Violation.Guarantee, Options: o}
}

// String is the run as a file of testdata.
func (s *Stored) String() string {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil { // of plain fields
		panic(err)
	}
	return string(text)
}
