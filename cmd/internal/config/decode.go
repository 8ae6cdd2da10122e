package config

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// problemsMax is how many problems are told at once.
const problemsMax = 20

// problems collects what is wrong with a configuration, with the place of each.
type problems struct {
	path    string
	lines   [][]byte
	flags   map[string]string
	anyNode bool // the file is read for no node in particular
	found   []error
}

func (p *problems) none() bool { return len(p.found) == 0 }

func (p *problems) err() error {
	if n := len(p.found); n > problemsMax {
		p.found = append(p.found[:problemsMax], fmt.Errorf("%s: and %d problems more", p.path, n-problemsMax))
	}
	return errors.Join(p.found...)
}

// at adds a problem of a top-level key, told with the flag where a flag set it.
func (p *problems) at(key, format string, args ...any) {
	what := fmt.Sprintf(format, args...)
	if _, ok := p.flags[key]; ok {
		p.found = append(p.found, fmt.Errorf("--%s: %s", strings.ReplaceAll(key, "_", "-"), what))
		return
	}
	p.add(p.line(-1, key), key, what)
}

// in adds a problem of a key of the group'th [[group]].
func (p *problems) in(group int, key, format string, args ...any) {
	p.add(p.line(group, key), fmt.Sprintf("group %d: %s", group+1, key), fmt.Sprintf(format, args...))
}

func (p *problems) add(line int, key, what string) {
	place := p.path
	if line > 0 {
		place += ":" + strconv.Itoa(line)
	}
	p.found = append(p.found, fmt.Errorf("%s: %.80s: %s", place, key, what))
}

var (
	groupHeader = regexp.MustCompile(`^\s*\[\[\s*["']?group["']?\s*\]\]`)
	anyHeader   = regexp.MustCompile(`^\s*\[`)
	keyOfLine   = regexp.MustCompile(`^\s*["']?([A-Za-z0-9_-]+)["']?\s*[.=]`)
)

// line finds the line of a key, at the top (group -1) or in the group'th [[group]]; of a
// key that is not there, that of its table; 0 at the top. The decoder does not say where
// a key was, so this reads the lines again and is right for everything but keys that
// are written inside a multi-line string.
func (p *problems) line(group int, key string) int {
	table, found := -1, 0
	for i, l := range p.lines {
		switch {
		case groupHeader.Match(l):
			table++
			if table == group || group < 0 && key == "group" && found == 0 {
				found = i + 1
			}
		case anyHeader.Match(l):
		case table == group:
			if m := keyOfLine.FindSubmatch(l); m != nil && string(m[1]) == key {
				return i + 1
			}
		}
	}
	return found
}

// decode reads the file's text, then the flags, into c.
func (p *problems) decode(c *Config, text []byte) {
	var doc map[string]any
	if _, err := toml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil {
		var syntax toml.ParseError
		if errors.As(err, &syntax) {
			err = errors.New(strings.TrimSuffix(syntax.Message, "."))
			p.found = append(p.found, fmt.Errorf("%s:%d: %w", p.path, syntax.Position.Line, err))
			return
		}
		p.found = append(p.found, fmt.Errorf("%s: %w", p.path, err))
		return
	}
	flags := maps.Clone(p.flags)
	for i := range Keys {
		k := &Keys[i]
		value, ok := doc[k.Name]
		delete(doc, k.Name)
		if s, set := flags[k.Name]; set {
			delete(flags, k.Name)
			if err := k.set(c, s); err != nil {
				p.at(k.Name, "%v", err)
			}
			continue // the file's value does not matter then
		}
		if !ok {
			continue
		}
		if s, err := plain(value, k.kind); err != nil {
			p.at(k.Name, "%v", err)
		} else if err := k.set(c, s); err != nil {
			p.at(k.Name, "%v", err)
		}
	}
	keys := names(Keys, func(k Key) string { return k.Name })
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		p.found = append(p.found, fmt.Errorf("no key %.80q to set%s", name, suggest(name, keys)))
	}
	p.groups(c, doc)
	delete(doc, "group")
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		p.add(p.anywhere(name), name, "unknown key; the keys are "+strings.Join(keys, ", ")+" and [[group]]"+suggest(name, append(keys, "group")))
	}
}

// anywhere finds the line of a key or table that has no place in the file.
func (p *problems) anywhere(name string) int {
	if n := p.line(-1, name); n > 0 {
		return n
	}
	for i, l := range p.lines {
		if anyHeader.Match(l) && bytes.Contains(l, []byte(name)) {
			return i + 1
		}
	}
	return 0
}

func (p *problems) groups(c *Config, doc map[string]any) {
	tables, err := tablesOf(doc["group"])
	if err != nil {
		p.add(p.anywhere("group"), "group", err.Error())
		return
	}
	if len(tables) > GroupsMax {
		p.at("group", "%d groups, at most %d", len(tables), GroupsMax)
		return
	}
	c.Groups = make([]Group, len(tables))
	for i, t := range tables {
		for _, k := range groupKeys {
			value, ok := t[k.name]
			delete(t, k.name)
			if !ok {
				continue
			}
			if s, err := plain(value, k.kind); err != nil {
				p.in(i, k.name, "%v", err)
			} else if err := k.set(&c.Groups[i], s); err != nil {
				p.in(i, k.name, "%v", err)
			}
			if k.name == "id" {
				c.Groups[i].numbered = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(t)) {
			keys := names(groupKeys, func(k groupKey) string { return k.name })
			p.in(i, name, "unknown key; the keys of a group are %s%s", strings.Join(keys, ", "), suggest(name, keys))
		}
	}
}

// tablesOf takes [[group]] tables, and the same written as an inline array.
func tablesOf(v any) ([]map[string]any, error) {
	switch v := v.(type) {
	case nil:
		return nil, errors.New("none; add a [[group]] with id and nodes")
	case []map[string]any:
		return v, nil
	case []any:
		tables := make([]map[string]any, len(v))
		for i := range v {
			t, ok := v[i].(map[string]any)
			if !ok {
				return nil, errors.New("must be written as [[group]]")
			}
			tables[i] = t
		}
		return tables, nil
	}
	return nil, errors.New("must be written as [[group]]")
}

// plain gives a decoded value as the text that a flag would set.
func plain(v any, k kind) (string, error) {
	switch v := v.(type) {
	case string:
		if k == text {
			return v, nil
		}
	case int64:
		if k == number {
			return strconv.FormatInt(v, 10), nil
		}
	case []any:
		if k != list {
			break
		}
		ss := make([]string, len(v))
		for i := range v {
			s, ok := v[i].(string)
			if !ok {
				return "", errors.New("must be " + kindNames[k])
			}
			if s == "" || strings.Contains(s, ",") {
				return "", fmt.Errorf("bad entry %.80q; one name each, none with a comma", s)
			}
			ss[i] = s
		}
		return strings.Join(ss, ","), nil
	}
	return "", errors.New("must be " + kindNames[k])
}

func names[K any](keys []K, name func(K) string) []string {
	ss := make([]string, len(keys))
	for i, k := range keys {
		ss[i] = name(k)
	}
	return ss
}
