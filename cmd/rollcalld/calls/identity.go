package calls

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"rollcall/cmd/internal/key"
)

// Identity is how a node shows that it holds the cluster's key, and demands it of others.
// While a key is being replaced it has two, shows the one that its peer can judge, and
// believes either.
type Identity struct {
	cluster, node string
	held          atomic.Pointer[authorities]
}

// authorities are those of the keys held. They never change.
type authorities struct {
	list []*authority
	pool *x509.CertPool
}

// NewIdentity derives the cluster's authorities from its keys.
func NewIdentity(r key.Ring, cluster, node string) (*Identity, error) {
	i := &Identity{cluster: cluster, node: node}
	return i, i.Use(r)
}

// Use replaces the keys. Peers that showed a certificate of a key that is gone are refused
// from now on, also on connections that stand; see Sender.Reconnect for one's own.
func (i *Identity) Use(r key.Ring) error {
	next := &authorities{pool: x509.NewCertPool()}
	for _, k := range r {
		if next.of(k.ID()) != nil {
			continue
		}
		a := i.held.Load().of(k.ID())
		if a == nil {
			var err error
			if a, err = newAuthority(k, i.cluster, i.node); err != nil {
				return err
			}
		}
		next.list = append(next.list, a)
		next.pool.AddCert(a.root)
	}
	i.held.Store(next)
	return nil
}

// of returns the authority of a key, or nil.
func (h *authorities) of(id key.ID) *authority {
	if h == nil {
		return nil
	}
	if n := slices.IndexFunc(h.list, func(a *authority) bool { return a.id == id }); n >= 0 {
		return h.list[n]
	}
	return nil
}

// name is what a caller that holds these keys asks a server for: a certificate of one of them.
func (h *authorities) name() string {
	ids := make([]string, len(h.list))
	for n, a := range h.list {
		ids[n] = a.id.String()
	}
	return strings.Join(ids, "-") + "." + serverDomain
}

// named returns the first authority held that the caller's name asks for.
func (h *authorities) named(name string) (*authority, error) {
	ids, _ := strings.CutSuffix(name, "."+serverDomain)
	for id := range strings.SplitSeq(ids, "-") {
		for _, a := range h.list {
			if a.id.String() == id {
				return a, nil
			}
		}
	}
	if ids == "" {
		return nil, errors.New("caller names no key, as agents do: it is none")
	}
	return nil, fmt.Errorf("caller holds none of the cluster's keys, but %.80q", ids)
}

// acceptable returns the first authority held that a server says it believes.
func (h *authorities) acceptable(subjects [][]byte) (*authority, error) {
	for _, a := range h.list {
		if slices.ContainsFunc(subjects, func(s []byte) bool { return bytes.Equal(s, a.root.RawSubject) }) {
			return a, nil
		}
	}
	return nil, errors.New("agent called holds none of the cluster's keys that this node holds")
}

func (i *Identity) serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			h := i.held.Load()
			a, err := h.named(hello.ServerName)
			if err != nil {
				return nil, err
			}
			c, err := a.certificate()
			if err != nil {
				return nil, err
			}
			return &tls.Config{
				MinVersion:             tls.VersionTLS13,
				ClientAuth:             tls.RequireAndVerifyClientCert,
				ClientCAs:              h.pool,
				Certificates:           []tls.Certificate{*c},
				NextProtos:             []string{"http/1.1"},
				SessionTicketsDisabled: true,
			}, nil
		},
	}
}

func (i *Identity) clientTLS() *tls.Config {
	h := i.held.Load()
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		RootCAs:    h.pool,
		ServerName: h.name(),
		GetClientCertificate: func(asked *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			a, err := h.acceptable(asked.AcceptableCAs)
			if err != nil {
				return nil, err
			}
			return a.certificate()
		},
		NextProtos: []string{"http/1.1"},
	}
}

// peerName is the node at the other end of a verified connection, if the key that it showed
// is still held.
func (i *Identity) peerName(state *tls.ConnectionState) (string, error) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return "", errors.New("no certificate of the cluster")
	}
	chain := state.VerifiedChains[0]
	for _, a := range i.held.Load().list {
		if a.root.Equal(chain[len(chain)-1]) {
			return chain[0].Subject.CommonName, nil
		}
	}
	return "", errors.New("the certificate's key was retired; call again with the newer one")
}
