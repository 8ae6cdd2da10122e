// Package hostlist writes many node names as people do: cn[001-128,130]. Expand reads what
// Slurm and ClusterShell write; Fold writes what both read. The package is pure.
//
// A list is names separated by commas or blanks. A name may hold brackets, each with numbers
// and ranges in it: rack[1-2]n[01-64]-ib0 is 128 names, the last bracket counting fastest. A
// range may have a step, [0-10/2]. The first number of a range says how many digits there are
// at least: [1-10] is 1 to 10, [01-10] is 01 to 10. Numbers may be longer than a machine word.
//
// Fold writes each name with at most one bracket, for the number that ends it, and lists names
// that end otherwise one by one, because Slurm reads no text behind a bracket and no steps.
package hostlist
