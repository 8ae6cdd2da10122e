// Package disk writes whole files. Whoever reads a file while it is replaced finds the old text or the new
// one; what could not be written leaves the old one as it was, and nothing beside it.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Create writes a file that was not there before. It is on disk when Create returns. A file that is there
// already stays as it is, and the error is fs.ErrExist.
func Create(path string, text []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err = errors.Join(fill(f, text, mode, true), syncFolder(path)); err != nil {
		os.Remove(path)
	}
	return err
}

// Replace writes a file that must outlive the process, not the power: after a power cut it may be the old
// one, the new one, or empty.
func Replace(path string, text []byte, mode fs.FileMode) error {
	return replace(path, text, mode, false)
}

// ReplaceDurably writes a file that is on disk when ReplaceDurably returns. A power cut before leaves the old
// one or the new one, whole.
func ReplaceDurably(path string, text []byte, mode fs.FileMode) error {
	err := replace(path, text, mode, true)
	if err == nil {
		err = syncFolder(path)
	}
	return err
}

// replace writes the new file under a name that nobody else has, since two may replace one at a time.
func replace(path string, text []byte, mode fs.FileMode, sync bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	err = fill(f, text, mode, sync)
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func fill(f *os.File, text []byte, mode fs.FileMode, sync bool) error {
	_, err := f.Write(text)
	err = errors.Join(err, f.Chmod(mode))
	if err == nil && sync {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncFolder has the name of a file on disk.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
