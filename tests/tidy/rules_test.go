package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// expect applies a rule to one file and wants exactly the findings that contain the words.
func expect(t *testing.T, rule func(*Tree) []Finding, name, text string, words ...string) {
	t.Helper()
	tree := &Tree{Fset: token.NewFileSet()}
	if err := tree.Add(name, text); err != nil {
		t.Fatal(err)
	}
	compare(t, text, rule(tree), words)
}

func compare(t *testing.T, of string, found []Finding, words []string) {
	t.Helper()
	if len(found) != len(words) {
		t.Fatalf("%d findings, want %d, of\n%s\n%v", len(found), len(words), of, found)
	}
	for i, w := range words {
		if !strings.Contains(found[i].String(), w) {
			t.Errorf("finding %q does not say %q", found[i], w)
		}
	}
}

func TestImportsRule(t *testing.T) {
	for _, c := range []struct{ file, imports, finding string }{
		{"control/x.go", `"rollcall/view"`, ""},
		{"control/x.go", `"rollcall/dataplane"`, "may not depend on it"},
		{"control/x.go", `"os"`, "not among the pure"},
		{"control/x.go", `"net"`, "not among the pure"},
		{"control/x.go", `"net/netip"`, ""},
		{"control/x.go", `"sync"`, "not among the pure"},
		{"control/x.go", `"math/rand"`, "not among the pure"},
		{"control/x.go", `"github.com/rs/zerolog"`, "not in the import table"},
		{"control/x_test.go", `"os"`, ""},
		{"control/x_test.go", `"pgregory.net/rapid"`, ""},
		{"control/x_test.go", `"rollcall/dataplane"`, "may not depend on it"},
		{"control/x.go", `"pgregory.net/rapid"`, "not in the import table"},
		{"view/x.go", `"rollcall/control"`, "may not depend on it"},
		{"view/hostlist/x.go", `"rollcall/view"`, "may not depend on it"},
		{"view/publish/x.go", `"rollcall/view"`, ""},
		{"view/publish/x.go", `"rollcall/control"`, "may not depend on it"},
		{"view/publish/x.go", `"os"`, ""},
		{"view/publish/x.go", `"golang.org/x/sys/unix"`, ""},
		{"view/publish/x.go", `"github.com/cilium/ebpf"`, "not in the import table"},
		{"dataplane/x.go", `"rollcall/cmd/internal/key"`, "may not depend on it"},
		{"dataplane/x.go", `"github.com/cilium/ebpf/link"`, ""},
		{"dataplane/x.go", `"github.com/mdlayher/raw"`, "only dataplane/raw.go may"},
		{"dataplane/raw.go", `"github.com/mdlayher/raw"`, ""},
		{"cmd/rollcall/x.go", `"rollcall/dataplane"`, ""},
		{"cmd/rollcall/x.go", `"github.com/cilium/ebpf"`, "not in the import table"},
		{"cmd/rollcall-lab/x.go", `"github.com/cilium/ebpf"`, ""},
		{"cmd/rollcalld/x.go", `"example.org/unknown"`, "not in the import table"},
		{"cmd/rollcalld/x.go", `"rollcall/cmd/rollcalld/calls"`, ""},
		{"cmd/rollcalld/x.go", `"rollcall/cmd/rollcall-lab/netlab"`, "may not depend on it"},
		{"cmd/rollcalld/x.go", `"rollcall/cmd/internal/key"`, ""},
		{"somewhere/x.go", `"os"`, "not in the import table"},
	} {
		var words []string
		if c.finding != "" {
			words = []string{c.finding}
		}
		expect(t, CheckImports, c.file, "package x\nimport _ "+c.imports+"\n", words...)
	}
}

func TestPurityRule(t *testing.T) {
	imports := exports(t, "time", "fmt", "errors")
	rule := func(tree *Tree) []Finding { return CheckPurity(tree, imports) }
	for _, c := range []struct{ code, finding string }{
		{`func f() { go f() }`, "goroutine"},
		{`func f() { select {} }`, "select"},
		{`type t struct { c chan int }`, "channel"},
		{`func f(m map[int]int) { for range m {} }`, "map"},
		{`type m map[int]int; func f(x m) { for k := range x { _ = k } }`, "map"},
		{`func f(s []int) { for range s {} }`, ""},
		{`func f(m map[int]int) int { return m[1] }`, ""},
		{`func f() time.Time { return time.Now() }`, "time.Now"},
		{`func f(t time.Time) time.Duration { return time.Since(t) }`, "time.Since"},
		{`func f() { time.Sleep(1) }`, "time.Sleep"},
		{`var now = time.Now; func f() {}`, "could change|time.Now"},
		{`func f() { fmt.Println() }`, "fmt.Println"},
		{`func f(t time.Duration) string { return fmt.Sprint(t) }`, ""},
		{`var n int; func f() { n++ }`, "changes"},
		{`var n int; func f() { n = 1 }`, "changes"},
		{`var n int; func f() *int { return &n }`, "changes"},
		{`var t [2]string; func f() { t[0] = "x" }`, "changes"},
		{`var t [2]struct{ n int }; func f() { t[0].n = 1 }`, "changes"},
		{`var t = [2]string{"a", "b"}; func f(i int) string { return t[i] }`, ""},
		{`var s = []string{"a"}`, "could change"},
		{`var m = map[int]int{}`, "could change"},
		{`var p *int`, "could change"},
		{`var err = errors.New("x")`, ""},
		{`func f() { x := 1; x++; _ = x }`, ""},
	} {
		var words []string
		if c.finding != "" {
			words = strings.Split(c.finding, "|")
		}
		text := "package control\nimport (\"errors\"; \"fmt\"; \"time\")\nconst _ time.Duration = 0\nvar _ = fmt.Sprint\nvar _ = errors.New\n" + c.code + "\n"
		expect(t, rule, "control/x.go", text, words...)
		expect(t, rule, "dataplane/x.go", text)
	}
	expect(t, rule, "view/x.go", "package view\nfunc f() { unknown() }\n", "undefined")
}

func TestCommentRules(t *testing.T) {
	expect(t, CheckPackageComments, "cmd/x/x.go", "package main\n", "no package comment")
	expect(t, CheckPackageComments, "cmd/x/x.go", "// Command x does x.\npackage main\n")
	expect(t, CheckPackageComments, "tests/x/x_test.go", "package x\n", "no package comment")

	for _, c := range []struct{ code, name string }{
		{"func F() {}", "F"},
		{"// F does.\nfunc F() {}", ""},
		{"func f() {}", ""},
		{"type T int", "T"},
		{"// T is.\ntype T int", ""},
		{"// T is.\ntype T[P any] struct{}\nfunc (t *T[P]) M() {}", "M"},
		{"type t int\nfunc (t) M() {}", ""},
		{"// T is.\ntype T int\nfunc (T) Error() string { return `` }", ""},
		{"const C = 1", "C"},
		{"// These are.\nconst (\n\tC = 1\n\tD = 2\n)", ""},
		{"const (\n\tC = 1 // one\n\tD = 2\n)", "D"},
		{"var V int", "V"},
		{"// Both.\ntype (\n\tT int\n)", "T"},
	} {
		var words []string
		if c.name != "" {
			words = []string{"exported " + c.name + " has no comment"}
		}
		expect(t, CheckDocstrings, "view/publish/x.go", "package x\n"+c.code+"\n", words...)
		expect(t, CheckDocstrings, "view/publish/x_test.go", "package x\n"+c.code+"\n")
		expect(t, CheckDocstrings, "cmd/x/x.go", "package x\n"+c.code+"\n")
	}
}

func TestFileRules(t *testing.T) {
	long := "package x\n" + strings.Repeat("// more\n", LinesMax)
	expect(t, CheckLength, "cmd/x/x.go", long, "401 lines")
	expect(t, CheckLength, "cmd/x/x.go", long[:len(long)-len("// more\n")])
	expect(t, CheckLength, "cmd/x/x_test.go", long)
	expect(t, CheckLength, "bpf/x.h", strings.Repeat("\n", LinesMax+1), "401 lines")
	expect(t, CheckLength, "dataplane/x.go", "// Code generated by x. DO NOT EDIT.\n"+long)

	expect(t, CheckNames, "cmd/util/x.go", "package util\n", `"util"`)
	expect(t, CheckNames, "control/helpers.go", "package x\n", `"helpers"`)
	expect(t, CheckNames, "control/types_test.go", "package x\n", `"types"`)
	expect(t, CheckNames, "bpf/common.h", "", `"common"`)
	expect(t, CheckNames, "control/commonplace.go", "package x\n")

	compare(t, "top level", CheckTopLevel([]string{".ci", "cmd", "notes.txt"}), []string{"notes.txt"})
}

func TestNamedTestsRule(t *testing.T) {
	const code = "package x\nfunc TestOne(t *testing.T) {}\nfunc FuzzTwo(f *testing.F) {}\nfunc (s) TestThree() {}\n"
	const text = "shown by TestOne and FuzzTwo\n(`TestThree`, TestFour), not by a Testament"
	rule := func(tree *Tree) []Finding { return CheckNamedTests(tree, map[string]string{"README.md": text}) }
	expect(t, rule, "x/x_test.go", code, "README.md:2: no test is called TestFour", "README.md:2: no test is called TestThree")

	two := &Tree{Fset: token.NewFileSet()}
	for name, text := range map[string]string{"x/x_test.go": code, "y/z/z_test.go": "package z\nfunc TestFour(t *testing.T) {}\n"} {
		if err := two.Add(name, text); err != nil {
			t.Fatal(err)
		}
	}
	const folders = "by x TestOne,\n// FuzzTwo, TestFour, y/z TestFour,\nand of y/z TestOne"
	found := CheckNamedTests(two, map[string]string{"doc.go": folders})
	compare(t, folders, found, []string{"doc.go:1: x has no test called TestFour", "doc.go:3: y/z has no test called TestOne"})
}

func TestBPFRules(t *testing.T) {
	expect(t, CheckLicense, "bpf/x.h", "#define X\n\n\n/* "+spdx+" */\n", "does not begin")
	expect(t, CheckLicense, "bpf/x.h", "/* "+spdx+" */\n#define X\n")

	expect(t, CheckLicense, "bpf/x.c", "//go:build ignore\n\n/* "+spdx+" */\n")

	declared := func(name string) string { return "struct {\n\t__uint(type, 2);\n} " + name + " SEC(\".maps\");\n" }
	expect(t, CheckMapNames, "bpf/x.h", declared("rc_sixteen_chars")+declared("rc_15_character"), "rc_sixteen_chars")
	expect(t, CheckMapNames, "bpf/x.h", "#define RC_ARRAY(name_of_argument, n)\nRC_ARRAY(rc_sixteen_chars, 1);\nRC_PROGS(rc_progs);\n", "rc_sixteen_chars")
}

func TestWidthRule(t *testing.T) {
	wide, code := strings.Repeat("ä", WidthMax-3), strings.Repeat("a", WidthMax)
	for text, words := range map[string][]string{
		"// " + wide:          nil,
		"// x\n\n//  " + wide: {":5: a comment reaches to column 121"},
		"/* x\n" + wide + "yyyy\n*/ const " + code + " = 1": {":4: "},
		"const " + code + " = 1 // x":                       {":3: "},
		"//go:generate " + wide:                             nil,
		"const url = \"http://" + code + "\"":               nil,
	} {
		expect(t, CheckWidth, "view/x.go", "package x\n\n"+text+"\n", words...)
	}
	expect(t, CheckWidth, "bpf/x.h", "/* "+wide+"\n * "+wide+" */\n", ":2: ")
	expect(t, CheckWidth, "bpf/x.h", "int "+code+";\n")
}

func TestTwinsRule(t *testing.T) {
	scope := check(t, `package control
		type Kind uint8
		const ( KindNone Kind = iota; KindBeat; KindTCPAsked )
		type Other uint8
		const KindOther Other = 7`)
	twins := []Twin{{C: "rc_kind", CPrefix: "RC_", Package: "control", Go: "Kind", GoPrefix: "Kind"}}
	rule := func(tree *Tree) []Finding {
		return CheckTwins(tree, map[string]*types.Scope{"control": scope}, twins)
	}
	expect(t, rule, "bpf/x.h", "enum rc_kind { RC_NONE, RC_BEAT, RC_TCP_ASKED };")
	expect(t, rule, "bpf/x.h", "enum rc_kind { RC_NONE, RC_BEAT, RC_TCPASKED };", "tcp_asked is 2 in Go", "tcpasked is unknown in Go")
	expect(t, rule, "bpf/x.h", "enum rc_kind { RC_NONE, RC_BEAT, /* last */ RC_TCP_ASKED = 2, };")
	expect(t, rule, "bpf/x.h", "enum rc_kind { RC_NONE, RC_BEAT, RC_TCP_ASKED = 3 };", "tcp_asked is 2 in Go")
	expect(t, rule, "bpf/x.h", "enum rc_kind { RC_NONE, RC_BEAT };", "tcp_asked is 2 in Go")
	expect(t, rule, "bpf/x.h", "enum rc_kind { RC_NONE, RC_BEAT = 1 << 0, RC_TCP_ASKED = 0x2U, RC_MORE };", "more is unknown in Go")
	expect(t, rule, "bpf/x.h", "enum rc_kind { RC_NONE, RC_BEAT = SOMETHING, RC_TCP_ASKED = 2 };", "beat is 1 in Go")
	expect(t, rule, "bpf/x.h", "enum rc_other { RC_NONE };", "no enum rc_kind")
}

func check(t *testing.T, text string) *types.Scope {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, "x.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := (&types.Config{}).Check("control", fset, []*ast.File{f}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p.Scope()
}
