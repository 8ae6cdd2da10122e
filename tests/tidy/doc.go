// Package tidy holds the rules of the source tree that no compiler knows, each as a check
// and a test: who may import what, what keeps control and view pure, what is documented,
// how long a file may be, and that the C side's enums say the same as the Go side's.
//
// A rule takes what was loaded and returns findings; none means that the rule holds.
// tidy_test.go applies every rule to the tree; the other tests show each rule failing on a
// snippet that breaks it. Who has a good reason for an exception adds it, with the reason,
// to the table of its rule.
package tidy
