package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"rollcall/cmd/internal/config"
	"rollcall/cmd/internal/disk"
	"rollcall/control"
)

// The files in state_dir.
const (
	recordFile  = "instance"             // what a founder must not forget
	rostersFile = "rosters.json"         // who had which slot, for an agent that is restarted
	stateMax    = 4 * control.MessageMax // bytes of a file
	stateMode   = 0o600
)

// openState makes the folder, and sees that a founder's record can be kept: now, not when the cluster waits for
// this node's vote.
func openState(cfg *config.Config, record *control.InstanceRecord) error {
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil && cfg.Founder() {
		return fmt.Errorf("make the founder's state_dir: %w", err)
	}
	if !cfg.Founder() {
		return nil
	}
	return saveRecord(cfg.StateDir, record)
}

// loadRecord reads the founder's record; where there is none it is empty. A record that
// cannot be read is an error: guessing might found a second cluster.
func loadRecord(dir string) (r control.InstanceRecord, err error) {
	path := filepath.Join(dir, recordFile)
	b, err := readState(path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		r, err = parseRecord(b)
	}
	if err != nil {
		return r, fmt.Errorf("load the founder's record: %w; restore %s, or remove it if the cluster's other founders have theirs", err, path)
	}
	return r, nil
}

func parseRecord(b []byte) (r control.InstanceRecord, err error) {
	if err := strict(b, &r); err != nil {
		return control.InstanceRecord{}, err
	}
	if err := r.Validate(); err != nil {
		return control.InstanceRecord{}, err
	}
	return r, nil
}

// saveRecord returns when the record is on disk, whole: a crash leaves this one or the one
// before.
func saveRecord(dir string, r *control.InstanceRecord) error {
	b, err := json.Marshal(r)
	if err == nil {
		err = disk.ReplaceDurably(filepath.Join(dir, recordFile), append(b, '\n'), stateMode)
	}
	if err != nil {
		return fmt.Errorf("save the founder's record: %w", err)
	}
	return nil
}

// placeRosters is what the rosters' file has of one place.
type placeRosters struct {
	Place   control.Place     `json:"place"`
	Rosters []*control.Roster `json:"rosters"`
}

// loadRosters reads the rosters held last, or none: without them the agent fetches what it needs.
func loadRosters(dir string) (held [control.Places][]*control.Roster) {
	b, err := readState(filepath.Join(dir, rostersFile))
	if err == nil {
		held, err = parseRosters(b)
	}
	if err != nil {
		return [control.Places][]*control.Roster{}
	}
	return held
}

func parseRosters(b []byte) (held [control.Places][]*control.Roster, err error) {
	var l []placeRosters
	if err := strict(b, &l); err != nil {
		return held, err
	}
	for _, p := range l {
		if p.Place >= control.Places || held[p.Place] != nil || len(p.Rosters) > control.HeldRosters {
			return held, fmt.Errorf("%d rosters of place %d, at most %d of one of %d", len(p.Rosters), p.Place, control.HeldRosters, control.Places)
		}
		for _, r := range p.Rosters {
			if r == nil {
				return held, errors.New("no roster where one should be")
			}
			if err := r.Validate(); err != nil {
				return held, err
			}
		}
		held[p.Place] = p.Rosters
	}
	return held, nil
}

// saveRosters keeps what the registers hold until the host reboots, which is as long as it is
// of use.
func saveRosters(dir string, held *[control.Places][]*control.Roster) error {
	l := []placeRosters{}
	for p, rosters := range held {
		if len(rosters) > 0 {
			l = append(l, placeRosters{control.Place(p), rosters})
		}
	}
	b, err := json.Marshal(l)
	if err == nil {
		err = disk.Replace(filepath.Join(dir, rostersFile), append(b, '\n'), stateMode)
	}
	if err != nil {
		return fmt.Errorf("save the rosters: %w", err)
	}
	return nil
}

// strict decodes one JSON value without unknown fields.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

func readState(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, stateMax+1))
	if err == nil && len(b) > stateMax {
		err = fmt.Errorf("read %s: longer than %d bytes", path, stateMax)
	}
	return b, err
}
