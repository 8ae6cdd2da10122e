package tidy

import (
	"bytes"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Importer gives the types of the packages and of all they depend on, from what the go
// command compiled. It runs in dir, inside the module.
func Importer(dir string, packages ...string) (types.Importer, error) {
	format := "{{if .Export}}{{.ImportPath}}\t{{.Export}}{{end}}"
	c := exec.Command("go", append([]string{"list", "-e", "-export", "-deps", "-f", format}, packages...)...)
	c.Dir = dir
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("list export data: %w: %s", err, stderr.String())
	}
	exports := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[name] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(name string) (io.ReadCloser, error) {
		file, ok := exports[name]
		if !ok {
			return nil, fmt.Errorf("no export data of %s", name)
		}
		return os.Open(file)
	}), nil
}
