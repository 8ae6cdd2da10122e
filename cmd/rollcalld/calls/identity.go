package calls

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"sync"
	"time"

	"rollcall/cmd/internal/key"
)

// serverName is what every agent's certificate is good for. Which node it is, is its common
// name: a caller often knows no more than an address.
const serverName = "agent.rollcall"

// A certificate is valid from a day before it was issued to a day after, so that the
// clocks of two nodes may differ by most of a day; it is issued anew after an hour.
const (
	validity = 24 * time.Hour
	renewal  = time.Hour
)

// Identity is how a node shows that it holds the cluster's key, and demands it of others.
type Identity struct {
	node      string
	authority ed25519.PrivateKey
	root      *x509.Certificate
	pool      *x509.CertPool

	mu     sync.Mutex
	leaf   *tls.Certificate
	issued time.Time
}

// NewIdentity derives the cluster's authority.
func NewIdentity(k key.Key, cluster, node string) (*Identity, error) {
	i := &Identity{node: node, authority: k.Authority(cluster), pool: x509.NewCertPool()}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "rollcall " + cluster},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, i.authority.Public(), i.authority)
	if err != nil {
		return nil, fmt.Errorf("make the agents' authority: %w", err)
	}
	if i.root, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("make the agents' authority: %w", err)
	}
	i.pool.AddCert(i.root)
	if _, err := i.certificate(); err != nil {
		return nil, err
	}
	return i, nil
}

// certificate returns the node's current certificate.
func (i *Identity) certificate() (*tls.Certificate, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := time.Now().Round(0) // by the wall clock, which may be set in either direction
	if age := now.Sub(i.issued); i.leaf != nil && age >= -renewal && age < renewal {
		return i.leaf, nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("draw the agent's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(public[:16]),
		Subject:      pkix.Name{CommonName: i.node},
		DNSNames:     []string{serverName},
		NotBefore:    now.Add(-validity),
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.root, public, i.authority)
	if err != nil {
		return nil, fmt.Errorf("issue the agent's certificate: %w", err)
	}
	i.leaf, i.issued = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, now
	return i.leaf, nil
}

func (i *Identity) serverTLS() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		ClientCAs:              i.pool,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return i.certificate() },
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
	}
}

func (i *Identity) clientTLS() *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		RootCAs:              i.pool,
		ServerName:           serverName,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return i.certificate() },
		NextProtos:           []string{"http/1.1"},
	}
}

// peerName is the node at the other end of a verified connection.
func peerName(state *tls.ConnectionState) (string, error) {
	if state == nil || len(state.VerifiedChains) == 0 || len(state.VerifiedChains[0]) == 0 {
		return "", errors.New("no certificate of the cluster")
	}
	return state.VerifiedChains[0][0].Subject.CommonName, nil
}
