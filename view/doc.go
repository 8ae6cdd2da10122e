// Package view is the vocabulary that everybody shares: identities, views, the
// differences between them, and their form as bytes and as text. It imports nothing of
// this project, starts no goroutine and does no input or output; package view/publish does.
package view
