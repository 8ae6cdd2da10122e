package hostlist

import (
	"fmt"
	"math/big"
	"strings"
)

// span is one range of a bracket.
type span struct {
	first *big.Int
	step  *big.Int
	count int64 // at most NamesMax+1
	width int   // digits at least
}

// parseSpan reads "7", "01-10" or "0-10/2".
func parseSpan(word string) (s span, err error) {
	rest, step, stepped := strings.Cut(word, "/")
	low, high, ranged := strings.Cut(rest, "-")
	if !ranged {
		high = low
	}
	if !stepped {
		step = "1"
	}
	for _, n := range []string{low, high, step} {
		if n == "" || strings.Trim(n, "0123456789") != "" {
			return s, fmt.Errorf("bad range %.80q: write 7, 01-10 or 0-10/2", word)
		}
		if len(n) > NameMax {
			return s, fmt.Errorf("number of %d digits in a range, at most %d", len(n), NameMax)
		}
	}
	if stepped && !ranged {
		return s, fmt.Errorf("bad range %.80q: a step needs a range before it", word)
	}
	if len(high) > 1 && high[0] == '0' && len(high) != len(low) {
		return s, fmt.Errorf("bad range %.80q: both ends need the same number of digits", word)
	}
	s.first, s.step, s.width = number(low), number(step), len(low)
	if s.step.Sign() == 0 {
		return s, fmt.Errorf("bad range %.80q: a step of 0 never arrives", word)
	}
	count := new(big.Int).Sub(number(high), s.first)
	if count.Sign() < 0 {
		return s, fmt.Errorf("bad range %.80q: it runs backwards", word)
	}
	count.Div(count, s.step)
	s.count = NamesMax + 1
	if count.IsInt64() && count.Int64() < NamesMax {
		s.count = count.Int64() + 1
	}
	return s, nil
}

// number reads decimal digits.
func number(digits string) *big.Int {
	n, _ := new(big.Int).SetString(digits, 10)
	return n
}

// append writes n with the span's width behind b.
func (s *span) append(b []byte, n *big.Int) []byte {
	var most [24]byte // of what is usual; Append finds room for more
	digits := n.Append(most[:0], 10)
	for range s.width - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}
