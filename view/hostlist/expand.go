package hostlist

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Limits of what Expand takes and gives.
const (
	InputMax = 1 << 20 // bytes of a list
	NamesMax = 1 << 20 // names in a list
	NameMax  = 255     // bytes of a name
	TextMax  = 1 << 26 // bytes of all names together
)

// Expand returns the names of a list in the order written; a name written twice comes twice.
// A blank list has none. What is wrong with a list is said with the part that is wrong.
func Expand(list string) ([]string, error) {
	if len(list) > InputMax {
		return nil, fmt.Errorf("hostlist of %d bytes, at most %d", len(list), InputMax)
	}
	var e expansion
	rest := strings.Trim(list, blanks)
	for rest != "" {
		part, after, err := cut(rest)
		if err == nil {
			err = e.add(part)
		}
		if err != nil {
			return nil, fmt.Errorf("hostlist: %w", err)
		}
		rest = after
	}
	return e.names, nil
}

const blanks = " \t\r\n"

// cut splits the first part off a list that neither starts nor ends with a blank.
func cut(list string) (part, rest string, err error) {
	inside := false
	end := len(list)
scan:
	for i := range len(list) {
		switch c := list[i]; {
		case c == '[' && inside, c == ']' && !inside:
			return "", "", fmt.Errorf("%.80q: %q without its other half", list, c)
		case c == '[', c == ']':
			inside = !inside
		case !inside && (c == ',' || strings.IndexByte(blanks, c) >= 0):
			end = i
			break scan
		}
	}
	if inside {
		return "", "", fmt.Errorf("%.80q: \"[\" without its other half", list)
	}
	if end == 0 {
		return "", "", fmt.Errorf("%.80q: a comma without a name before it", list)
	}
	rest = strings.TrimLeft(list[end:], blanks)
	if after, found := strings.CutPrefix(rest, ","); found {
		if rest = strings.TrimLeft(after, blanks); rest == "" {
			return "", "", fmt.Errorf("%.80q: a comma without a name behind it", list)
		}
	}
	return list[:end], rest, nil
}

// expansion collects names within the limits.
type expansion struct {
	names []string
	text  int
}

// piece is a part of a name: text, or the ranges of a bracket.
type piece struct {
	text   string
	ranges []span
}

func (e *expansion) add(part string) error {
	pieces, err := split(part)
	if err != nil {
		return fmt.Errorf("%.80q: %w", part, err)
	}
	count := int64(1)
	for _, p := range pieces {
		if p.ranges == nil {
			continue
		}
		sum := int64(0)
		for _, s := range p.ranges {
			sum = min(sum+s.count, NamesMax+1)
		}
		if count *= sum; count > NamesMax {
			break
		}
	}
	if count > int64(NamesMax-len(e.names)) {
		return fmt.Errorf("%.80q: more than %d names", part, NamesMax)
	}
	return e.emit(make([]byte, 0, NameMax), part, pieces)
}

// emit appends each name that starts with head and goes on with the pieces.
func (e *expansion) emit(head []byte, part string, pieces []piece) error {
	if len(head) > NameMax {
		return fmt.Errorf("%.80q: name of more than %d bytes", part, NameMax)
	}
	if len(pieces) == 0 {
		if e.text += len(head); e.text > TextMax {
			return fmt.Errorf("%.80q: names of more than %d bytes together", part, TextMax)
		}
		e.names = append(e.names, string(head))
		return nil
	}
	p := pieces[0]
	if p.ranges == nil {
		return e.emit(append(head, p.text...), part, pieces[1:])
	}
	for _, s := range p.ranges {
		n := new(big.Int).Set(s.first)
		for i := int64(0); i < s.count; i++ {
			if err := e.emit(s.append(head, n), part, pieces[1:]); err != nil {
				return err
			}
			n.Add(n, s.step)
		}
	}
	return nil
}

// split takes a part apart, whose brackets are known to match.
func split(part string) (pieces []piece, err error) {
	for part != "" {
		if part[0] != '[' {
			text, _, _ := strings.Cut(part, "[")
			if i := strings.IndexFunc(text, notInNames); i >= 0 {
				return nil, fmt.Errorf("%q is not for names: letters, digits, '-', '.', '_', ':' only", []rune(text[i:])[0])
			}
			pieces = append(pieces, piece{text: text})
			part = part[len(text):]
			continue
		}
		inside, after, _ := strings.Cut(part[1:], "]")
		if strings.TrimSpace(inside) == "" {
			return nil, errors.New("nothing between the brackets")
		}
		var ranges []span
		for word := range strings.SplitSeq(inside, ",") {
			s, err := parseSpan(strings.Trim(word, blanks))
			if err != nil {
				return nil, err
			}
			ranges = append(ranges, s)
		}
		pieces = append(pieces, piece{ranges: ranges})
		part = after
	}
	return pieces, nil
}

func notInNames(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._:", r))
}
