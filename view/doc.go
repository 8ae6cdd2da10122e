// Package view is the vocabulary that everybody shares: identities, views, the
// differences between them, and their form as bytes. It imports nothing of this project and
// is pure: no goroutine, channel, clock, socket, file, logger, global state or random
// source; what it gives depends on what it is given alone.
//
// Package view/hostlist writes and reads lists of node names as people do, view/publish
// hands views to the programs of a host.
package view
