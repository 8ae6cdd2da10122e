// Package publish hands the current view to the programs of its host, in two ways.
//
// The API is HTTP and JSON over a unix socket that everybody may read: a Server answers for
// a Source (the daemon), a Client asks. The documents below are its contract; fields are
// only ever added, Schema is raised when the meaning of one changes. So a Client passes over
// fields that it does not know, and takes states that it does not know for unknown. A Server
// refuses paths and parameters that it does not know, and names them: what a newer client asks
// for with one would not be what it gets. Verbs, which change the cluster, need root or the group
// rollcall.
//
// The mapped view is for programs that ask often and want to pay nothing: a Publisher keeps
// the encoded view in a page of shared memory, a Reader maps it together with the page of the
// kernel's register, where the lease stands, and answers Valid, Epoch and View from memory,
// without a system call.
//
// The text that people read, and hostlists in it, is rendered by Table.
package publish
