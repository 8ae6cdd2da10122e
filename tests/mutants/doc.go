// Package mutants asks of the explorers and simulators what they would notice: it compiles package control
// with one rule broken at a time, by the overlay of the go command, and expects a violation to be found. The
// oracle looks for it, or a test of the package where it can only be seen there. rules_test.go has the
// rules of the protocol, kept_test.go those that came of failures found while it was built.
package mutants
