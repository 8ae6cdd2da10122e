package calls

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"sync"
	"time"

	"rollcall/cmd/internal/key"
)

// serverDomain is what every agent's certificate is good for. Which node it is, is its common
// name: a caller often knows no more than an address.
const serverDomain = "agent.rollcall"

// A certificate is valid from a day before it was issued to a day after, so that the
// clocks of two nodes may differ by most of a day; it is issued anew after an hour.
const (
	validity = 24 * time.Hour
	renewal  = time.Hour
)

// authority is what one key of the cluster makes of a node: its right to issue itself
// certificates that everybody with that key believes.
type authority struct {
	id      key.ID
	node    string
	private ed25519.PrivateKey
	root    *x509.Certificate

	mu     sync.Mutex
	leaf   *tls.Certificate
	issued time.Time
}

func newAuthority(k key.Key, cluster, node string) (*authority, error) {
	a := &authority{id: k.ID(), node: node, private: k.Authority(cluster)}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "rollcall " + cluster + " " + a.id.String()},
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.private.Public(), a.private)
	if err != nil {
		return nil, fmt.Errorf("make the agents' authority: %w", err)
	}
	if a.root, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("make the agents' authority: %w", err)
	}
	_, err = a.certificate()
	return a, err
}

// certificate returns the node's current certificate.
func (a *authority) certificate() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now().Round(0) // by the wall clock, which may be set in either direction
	if age := now.Sub(a.issued); a.leaf != nil && age >= -renewal && age < renewal {
		return a.leaf, nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("draw the agent's key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(public[:16]),
		Subject:      pkix.Name{CommonName: a.node},
		DNSNames:     []string{"*." + serverDomain},
		NotBefore:    now.Add(-validity),
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.root, public, a.private)
	if err != nil {
		return nil, fmt.Errorf("issue the agent's certificate: %w", err)
	}
	a.leaf, a.issued = &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, now
	return a.leaf, nil
}
