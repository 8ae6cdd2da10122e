package hostlist

import (
	"cmp"
	"strings"
)

// Compare orders names as people count: n2 before n10, r2n1 before r10n1, and all names that
// differ in their last number only beside each other. It is 0 for equal names only.
func Compare(a, b string) int {
	headA, numberA := divide(a)
	headB, numberB := divide(b)
	return cmp.Or(compareText(headA, headB), compareNumber(numberA, numberB))
}

// compareText compares letters by letters and digits by value.
func compareText(a, b string) int {
	for a != "" && b != "" {
		digitsA, digitsB := leadingDigits(a), leadingDigits(b)
		var c, n, m int
		if digitsA > 0 && digitsB > 0 {
			n, m = digitsA, digitsB
			c = compareNumber(a[:n], b[:m])
		} else {
			n, m = 1, 1
			c = cmp.Compare(a[0], b[0])
		}
		if c != 0 {
			return c
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

func leadingDigits(s string) int {
	return len(s) - len(strings.TrimLeft(s, "0123456789"))
}

// compareNumber compares digits by value, then by their count; none come first.
func compareNumber(a, b string) int {
	if a == "" || b == "" {
		return cmp.Compare(len(a), len(b))
	}
	x, y := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y), cmp.Compare(len(a), len(b)))
}
