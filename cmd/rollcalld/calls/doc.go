// Package calls carries messages between agents: HTTPS with mutual TLS 1.3, one POST to
// Path a message, its control.Message as JSON. An answer says no more than that the message
// was taken; what it led to comes as a message of its own.
//
// There is no public key infrastructure. Every node derives the same certificate authority
// from the cluster's key and issues itself a certificate for its node name, of a key drawn
// at start and valid for a day. A peer is believed when its certificate comes from that
// authority, and from nothing else: who has not got the key, or the key of another cluster,
// ends in the handshake.
//
// An agent on several rails is called by the way that led to it last, then by the others. A
// letter that failed on its way is sent once more there: it may have been on a connection of
// a rail that has died since. It may then arrive twice, which letters must bear.
//
// A letter with a field or of a kind that its reader does not know is refused, and the answer
// names it: what is passed over may be what the letter is about. Whoever sent it warns in its log.
// So a version that adds a field leaves it out where it says nothing new, and is understood by
// earlier ones until then. In answers to questions fields that are not known are passed over.
//
// While the cluster's key is being replaced a node may hold two, and its peer one of them. So a
// caller names the ids of its keys as the server it wants, and gets a certificate that one
// of them can judge; the server names the authorities that it believes, and gets one of those.
package calls
