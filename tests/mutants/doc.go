// Package mutants asks of the explorers and simulators what they would notice: it breaks one rule of package
// control at a time, says which guarantee that must harm, and expects this to be found. The oracle looks for
// it, or a test of the package where it can only be seen there, whose words are expected then. rules_test.go has
// the rules of the protocol, kept_test.go those that came of failures found while it was built.
//
// Compiling takes longer than most mutants last. So one program has the rules of all of them, whole and
// broken (build_test.go): of a function that some change it has a body for each, and is told which to take.
package mutants
