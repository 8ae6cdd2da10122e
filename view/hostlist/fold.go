package hostlist

import (
	"slices"
	"strings"
)

// Slurm reads numbers into a machine word and refuses ranges of more than 65,536 names.
const (
	digitsMax = 18
	rangeMax  = 1 << 16
)

// Fold returns the shortest list of the names that Slurm and ClusterShell read, each name
// once, in the order of Compare. Names are such as Expand gives.
func Fold(names []string) string {
	var b strings.Builder
	sorted := Sorted(names)
	for len(sorted) > 0 {
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		head, number := divide(sorted[0])
		same := 1
		for number != "" && same < len(sorted) && sharesHead(head, sorted[same]) {
			same++
		}
		fold(&b, head, sorted[:same])
		sorted = sorted[same:]
	}
	return b.String()
}

// Sorted returns the names in the order of Compare, each once.
func Sorted(names []string) []string {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, Compare)
	return slices.Compact(sorted)
}

// fold writes names that differ in the number at their end only.
func fold(b *strings.Builder, head string, names []string) {
	var parts []string
	for len(names) > 0 {
		n := run(head, names)
		part := names[0][len(head):]
		if n > 1 {
			part += "-" + names[n-1][len(head):]
		}
		parts = append(parts, part)
		names = names[n:]
	}
	b.WriteString(head)
	if list := strings.Join(parts, ","); strings.ContainsAny(list, ",-") {
		b.WriteByte('[')
		b.WriteString(list)
		b.WriteByte(']')
	} else {
		b.WriteString(list)
	}
}

// run counts the names from the first on that one range covers.
func run(head string, names []string) int {
	first := names[0][len(head):]
	padded := len(first) > 1 && first[0] == '0'
	n := 1
	for n < len(names) && n < rangeMax && follows(names[n-1][len(head):], names[n][len(head):], padded) {
		n++
	}
	return n
}

// sharesHead reports whether name is head and a number that may stand in a bracket.
func sharesHead(head, name string) bool {
	h, number := divide(name)
	return number != "" && h == head
}

// divide splits a name before the number that ends it; a name without one, or with one that
// may not stand in a bracket, is all head.
func divide(name string) (head, number string) {
	at := len(strings.TrimRight(name, "0123456789"))
	if len(name)-at > digitsMax {
		at = len(name)
	}
	return name[:at], name[at:]
}

// follows reports whether b is a + 1 in the same range, where padded numbers all have the same
// length, since ClusterShell reads no others.
func follows(a, b string, padded bool) bool {
	if a == "" {
		return false
	}
	nines := len(a) - len(strings.TrimRight(a, "9"))
	at := len(a) - nines - 1 // the digit that grows
	if at < 0 {
		return !padded && len(b) == len(a)+1 && b[0] == '1' && strings.Trim(b[1:], "0") == ""
	}
	return len(b) == len(a) && b[:at] == a[:at] && b[at] == a[at]+1 && strings.Trim(b[at+1:], "0") == ""
}
