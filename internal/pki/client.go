package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// ClientConfig is that of a client which verifies servers against the roots
// that read gives at each handshake, so that it goes on through a change of
// the CA without being made anew. It shows the pair where there is one.
func ClientConfig(serverName string, read func() (Issued, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: serverName,
		// The verification below takes the place of the usual one, which would
		// know only the roots of the time when the configuration was made.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			issued, err := read()
			if err != nil {
				return fmt.Errorf("reading whom to trust: %w", err)
			}
			return verify(state, serverName, issued.Roots)
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			issued, err := read()
			if err != nil || len(issued.Certificate) == 0 {
				return &tls.Certificate{}, err
			}
			pair, err := tls.X509KeyPair(issued.Certificate, issued.Key)
			return &pair, err
		},
	}
}

// TrustFile is the configuration of a client which verifies a server of that name
// or IP address against the roots in a file, read at each handshake.
func TrustFile(serverName, file string) *tls.Config {
	return ClientConfig(serverName, func() (Issued, error) {
		roots, err := os.ReadFile(file)
		return Issued{Roots: roots}, err
	})
}

// verify holds the certificate against the name that was asked for. The state
// has none for an IP address.
func verify(state tls.ConnectionState, name string, roots []byte) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	if name == "" {
		return errors.New("there is no name to hold the server's certificate against")
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		DNSName: name, Roots: pool(certificates(roots)), Intermediates: pool(state.PeerCertificates[1:]),
	})
	return err
}
