package config

import (
	"fmt"
	"strings"
)

// suggest ends what is said of an unknown key with the known one that was likely meant, if there is one.
func suggest(name string, known []string) string {
	if near := nearest(name, known); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

// nearest is the known name that takes the fewest mistakes to be written as name, or "" where that would be
// more than one in three letters. Capitals, and dashes as in flags, are none.
func nearest(name string, known []string) (near string) {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	least := len(name)/3 + 1
	for _, k := range known {
		if len(name)-len(k) >= least || len(k)-len(name) >= least {
			continue // one mistake a letter too many, or too few
		}
		if m := mistakes(name, k); m < least {
			near, least = k, m
		}
	}
	return near
}

// mistakes counts the letters that are to be added, left out, changed, or swapped with the next, to make b of a.
func mistakes(a, b string) int {
	var before []int // the row of two letters earlier
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			changed := row[j]
			if a[i] != b[j] {
				changed++
			}
			next[j+1] = min(row[j+1]+1, next[j]+1, changed)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
