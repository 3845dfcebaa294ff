package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"
)

const (
	// CALife is kubeadm's for a cluster's CA. Members have to be restarted for a
	// new CA, and clients outside have to be given it: that is for a reason, not
	// for a date.
	CALife = 10 * 365 * 24 * time.Hour
	// LeafLife is kubeadm's for a cluster's certificates: an environment that
	// was stopped for months comes back as long as its cluster does.
	LeafLife = 365 * 24 * time.Hour
	// backdate lets clocks differ; a CA outlives also a clock that is set back.
	backdate, backdateCA = 5 * time.Minute, 24 * time.Hour
)

// Pair is a certificate, first in its chain, and its key, as PEM.
type Pair struct{ Certificate, Key []byte }

func (p Pair) equal(other Pair) bool {
	return bytes.Equal(p.Certificate, other.Certificate) && bytes.Equal(p.Key, other.Key)
}

// errKey: the certificate may be good, but nothing can be signed with the key.
var errKey = errors.New("the key does not belong to the certificate")

// open reads the pair. The certificate is there also when only the key is bad.
func (p Pair) open() (*x509.Certificate, crypto.Signer, error) {
	chain := certificates(p.Certificate)
	if len(chain) == 0 {
		return nil, nil, errors.New("there is no certificate in it")
	}
	key, err := parseKey(p.Key)
	if err != nil {
		return chain[0], nil, err
	}
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(chain[0].PublicKey) {
		return chain[0], nil, errKey
	}
	return chain[0], key, nil
}

func parseKey(content []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(content)
	for block != nil && block.Type == "EC PARAMETERS" { // OpenSSL writes them before the key
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("there is no key in it")
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("the key cannot be read")
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key cannot sign")
	}
	return signer, nil
}

// certificates are all that can be read in the PEM.
func certificates(content []byte) []*x509.Certificate {
	var list []*x509.Certificate
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return list
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			list = append(list, c)
		}
	}
}

func encode(list ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range list {
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes everything
	}
	return out.Bytes()
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:8])
}

// issuedAt is when a certificate that the operator made was made.
func issuedAt(c *x509.Certificate) time.Time {
	if c.IsCA {
		return c.NotBefore.Add(backdateCA)
	}
	return c.NotBefore.Add(backdate)
}

// renewal is when the last third of a certificate's life begins.
func renewal(c *x509.Certificate) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 3 * 2)
}

// Maker makes keys and certificates.
type Maker struct{ Random io.Reader }

func (m Maker) serial() (*big.Int, error) {
	content := make([]byte, 16)
	if _, err := io.ReadFull(m.Random, content); err != nil {
		return nil, fmt.Errorf("reading randomness: %w", err)
	}
	content[0] = content[0]&0x7f | 0x40 // positive, and of one length
	return new(big.Int).SetBytes(content), nil
}

// authority makes a CA that signs certificates and no further CAs.
func (m Maker) authority(now time.Time, environment string) (Pair, error) {
	serial, err := m.serial()
	if err != nil {
		return Pair{}, err
	}
	return m.sign(&x509.Certificate{
		SerialNumber: serial,
		// Each CA has a name of its own: clients look an issuer up by its name.
		Subject: pkix.Name{
			Organization: []string{"paws360"}, OrganizationalUnit: []string{fmt.Sprintf("%.64s", environment)},
			CommonName: fmt.Sprintf("paws360 CA %08x", serial.Bytes()[:4]),
		},
		NotBefore: now.Add(-backdateCA), NotAfter: now.Add(CALife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}, nil, nil)
}

// leaf makes a certificate, which lives no longer than its CA.
func (m Maker) leaf(now time.Time, leaf Leaf, ca *x509.Certificate, key crypto.Signer) (Pair, error) {
	serial, err := m.serial()
	if err != nil {
		return Pair{}, err
	}
	return m.sign(&x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"paws360"}, CommonName: leaf.CommonName},
		NotBefore:    now.Add(-backdate), NotAfter: endOf(now, ca),
		DNSNames: leaf.DNSNames, IPAddresses: leaf.IPs,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature, ExtKeyUsage: leaf.usages(),
	}, ca, key)
}

// endOf is when a certificate that is made now would expire.
func endOf(now time.Time, ca *x509.Certificate) time.Time {
	if end := now.Add(LeafLife); end.Before(ca.NotAfter) {
		return end
	}
	return ca.NotAfter
}

func (l Leaf) usages() []x509.ExtKeyUsage {
	var list []x509.ExtKeyUsage
	if l.Server {
		list = append(list, x509.ExtKeyUsageServerAuth)
	}
	if l.Client {
		list = append(list, x509.ExtKeyUsageClientAuth)
	}
	return list
}

// sign makes a key and its certificate, signed by itself where there is no CA.
func (m Maker) sign(template, ca *x509.Certificate, signer crypto.Signer) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), m.Random)
	if err != nil {
		return Pair{}, fmt.Errorf("making a key: %w", err)
	}
	if ca == nil {
		ca, signer = template, key
	}
	der, err := x509.CreateCertificate(m.Random, template, ca, key.Public(), signer)
	if err != nil {
		return Pair{}, fmt.Errorf("signing a certificate: %w", err)
	}
	content, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("encoding a key: %w", err)
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: content}),
	}, nil
}
