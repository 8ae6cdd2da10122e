package hostlist

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestExpand(t *testing.T) {
	for list, want := range map[string]string{
		"":                   "",
		" \n":                "",
		"cn001":              "cn001",
		"n[01-03,05]":        "n01 n02 n03 n05",
		"n[9-11]":            "n9 n10 n11",
		"n[08-11]":           "n08 n09 n10 n11",
		"n[98-101]":          "n98 n99 n100 n101",
		"n[098-101]":         "n098 n099 n100 n101",
		"n[0-0]":             "n0",
		"n[00-2]":            "n00 n01 n02",
		"n[0-10/5]":          "n0 n5 n10",
		"n[01-10/4]-ib[0-1]": "n01-ib0 n01-ib1 n05-ib0 n05-ib1 n09-ib0 n09-ib1",
		"r[1-2]n[01-02]":     "r1n01 r1n02 r2n01 r2n02",
		"[1-2][3-4]":         "13 14 23 24",
		"[7]":                "7",
		"a,b c\nd , e":       "a b c d e",
		"n1,n1,n[1-2]":       "n1 n1 n1 n2",
		"n[ 1 - 2 ]":         "",
		"n[1, 3-4 ]":         "n1 n3 n4",
		"cn[1-2].hpc:7746":   "cn1.hpc:7746 cn2.hpc:7746",
		"n[3,1]":             "n3 n1",
		"n[1-2]x,y[1]":       "n1x n2x y1",
		"n[1-3/99999999999]": "n1",
		"n[0018446744073709551615-0018446744073709551616]": "n0018446744073709551615 n0018446744073709551616",
		"n[99999999999999999999-100000000000000000001]":    "n99999999999999999999 n100000000000000000000 n100000000000000000001",
	} {
		if list == "n[ 1 - 2 ]" {
			if _, err := Expand(list); err == nil {
				t.Errorf("%q is no range", list)
			}
			continue
		}
		got, err := Expand(list)
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %q, %v, want %q", list, got, err, want)
		}
	}
}

func TestExpandRefuses(t *testing.T) {
	long := strings.Repeat("x", NameMax)
	for list, why := range map[string]string{
		"n[":                                  "without its other half",
		"n[1":                                 "without its other half",
		"n1]":                                 "without its other half",
		"n[1[2]]":                             "without its other half",
		"n[]":                                 "nothing between",
		"n[ ]":                                "nothing between",
		"n[1,]":                               "bad range",
		"n[,1]":                               "bad range",
		"n[1-]":                               "bad range",
		"n[-1]":                               "bad range",
		"n[1-2-3]":                            "bad range",
		"n[a-b]":                              "bad range",
		"n[1-2/]":                             "bad range",
		"n[+1-2]":                             "bad range",
		"n[1_0]":                              "bad range",
		"n[٣]":                                "bad range",
		"n[1/2]":                              "a step needs",
		"n[1-3/0]":                            "never arrives",
		"n[3-1]":                              "backwards",
		"n[1-010]":                            "same number of digits",
		"n[01-010]":                           "same number of digits",
		",a":                                  "without a name before",
		"a,,b":                                "without a name before",
		"a,":                                  "without a name behind",
		"a, ":                                 "without a name behind",
		"@all":                                `'@'`,
		"a!b":                                 `'!'`,
		"n1&n2":                               `'&'`,
		"a\x00b":                              `'\x00'`,
		"ü":                                   `'ü'`,
		"a\xffb":                              `'�'`,
		long + "x":                            "more than 255 bytes",
		long + "[1-2]":                        "more than 255 bytes",
		"n[" + strings.Repeat("0", 256) + "]": "at most 255",
		"n[1-1048577]":                        "more than 1048576 names",
		"n[1-1024]x[1-1024],y":                "more than 1048576 names",
		"n[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]": "more than 1048576 names",
		"n[1-99999999999999999999999999999999,1-99999999999999999999999999999999]":                                   "more than 1048576 names",
		long[:200] + "[000000001-999999]": "bytes together",
		strings.Repeat("x", InputMax+1):   "at most 1048576",
	} {
		got, err := Expand(list)
		if err == nil || got != nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60q: %d names, error %v, want %q", list, len(got), err, why)
		}
		if err != nil && len(err.Error()) > 400 {
			t.Errorf("%.60q: error of %d bytes", list, len(err.Error()))
		}
	}
}

func TestExpandTakesTheLargest(t *testing.T) {
	names, err := Expand("n[1-1024]x[0001-1024]")
	if err != nil || len(names) != NamesMax || names[NamesMax-1] != "n1024x1024" {
		t.Error(len(names), err)
	}
}

func TestFold(t *testing.T) {
	for names, want := range map[string]string{
		"":                        "",
		"cn001":                   "cn001",
		"n1 n2":                   "n[1-2]",
		"n1 n3":                   "n[1,3]",
		"n3 n1 n2 n2":             "n[1-3]",
		"n01 n02 n03 n05":         "n[01-03,05]",
		"n8 n9 n10 n11":           "n[8-11]",
		"n08 n09 n10 n11":         "n[08-11]",
		"n0 n9 n10":               "n[0,9-10]",
		"n98 n99 n100":            "n[98-100]",
		"n098 n099 n100":          "n[098-100]",
		"n08 n09 n100 n99":        "n[08-09,99-100]",
		"n9 n09 n10":              "n[9,09-10]",
		"r1n1 r1n2 r2n1 r10n1":    "r1n[1-2],r2n1,r10n1",
		"a1-ib a2-ib a1":          "a1,a1-ib,a2-ib",
		"login mgmt1 mgmt2 login": "login,mgmt[1-2]",
		"n n1 n2":                 "n,n[1-2]",
		"n1 n1a n2":               "n[1-2],n1a",
		"1 2 3":                   "[1-3]",
		"n2 n10 n1":               "n[1-2,10]",
		"n09 n010":                "n[09,010]",
		"n999999999999999999 n1000000000000000000":    "n999999999999999999,n1000000000000000000",
		"n18446744073709551615 n18446744073709551616": "n18446744073709551615,n18446744073709551616",
	} {
		if got := Fold(strings.Fields(names)); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
	names, err := Expand("n[1-100000]")
	if err != nil {
		t.Fatal(err)
	}
	if got := Fold(names); got != "n[1-65536,65537-100000]" {
		t.Errorf("a range that Slurm refuses: %q", got)
	}
}

func TestFoldLeavesItsInputAlone(t *testing.T) {
	names := []string{"n2", "n1", "n2"}
	Fold(names)
	if !slices.Equal(names, []string{"n2", "n1", "n2"}) {
		t.Error(names)
	}
}

// anyNames draws names that lie close together, so that ranges, carries and paddings meet.
func anyNames() *rapid.Generator[[]string] {
	head := rapid.SampledFrom([]string{"n", "cn", "n1-", "r1n", "r2n", "r10n", "", "n0x", "a.b_c-"})
	number := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(0, 120).Draw(t, "n")) }),
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("%02d", rapid.IntRange(0, 120).Draw(t, "n")) }),
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("%03d", rapid.IntRange(90, 110).Draw(t, "n")) }),
		rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf("%d", uint64(1<<64-1)-rapid.Uint64Range(0, 3).Draw(t, "n"))
		}),
		rapid.StringMatching(`[0-9]{17,24}`),
	)
	tail := rapid.SampledFrom([]string{"", "", "", "", "-ib", "x"})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
		return head.Draw(t, "head") + number.Draw(t, "number") + tail.Draw(t, "tail")
	}), 0, 60)
}

func TestExpandUndoesFold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := anyNames().Draw(t, "names")
		folded := Fold(names)
		got, err := Expand(folded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Sorted(names), got, cmp.Comparer(slices.Equal[[]string])); diff != "" {
			t.Fatal(folded, diff)
		}
		for part := range strings.SplitSeq(folded, "],") {
			if strings.Count(part, "[") > 1 || strings.Contains(part, "/") {
				t.Fatalf("%q is not for Slurm", folded)
			}
		}
		if Fold(got) != folded {
			t.Fatal("folding again gives", Fold(got))
		}
	})
}

func TestFoldDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := anyNames().Draw(t, "names")
		mixed := rapid.Permutation(names).Draw(t, "mixed")
		if a, b := Fold(names), Fold(mixed); a != b {
			t.Fatal(a, b)
		}
	})
}

// TestCompareOrders: any three names are in one order, whichever two are compared.
func TestCompareOrders(t *testing.T) {
	name := rapid.OneOf(rapid.StringMatching(`[a-z0-9.:-]{0,6}`), rapid.StringMatching(`(n|0|1|00){0,5}`))
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := name.Draw(t, "a"), name.Draw(t, "b"), name.Draw(t, "c")
		if Compare(a, b) != -Compare(b, a) || (Compare(a, b) == 0) != (a == b) {
			t.Fatal("one way and the other differ")
		}
		if Compare(a, b) <= 0 && Compare(b, c) <= 0 && Compare(a, c) > 0 {
			t.Fatal("in a circle")
		}
	})
}

func FuzzExpand(f *testing.F) {
	for _, s := range []string{"n[01-03,05]", "r[1-2]n[01-02]-ib[0-3/2]", "a,b c", "n[0-10/5]", "n[", "[]", "n[99999999999999999999-100000000000000000001]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		names, err := Expand(list)
		if err != nil || len(names) > 10000 {
			return
		}
		folded := Fold(names)
		again, err := Expand(folded)
		if err != nil || !slices.Equal(again, Sorted(names)) {
			t.Errorf("%q: %q folds to %q, which is %q (%v)", list, names, folded, again, err)
		}
	})
}
