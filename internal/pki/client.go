package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
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
			return verify(state, issued.Roots)
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

func verify(state tls.ConnectionState, roots []byte) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	if state.ServerName == "" {
		return errors.New("there is no name to hold the server's certificate against")
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		DNSName: state.ServerName, Roots: pool(certificates(roots)), Intermediates: pool(state.PeerCertificates[1:]),
	})
	return err
}
