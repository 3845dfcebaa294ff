package pki

import (
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Reason is why something is made anew.
type Reason string

// The reasons. They are also those of the events that tell of it.
const (
	// Missing: there is no certificate.
	Missing Reason = "Missing"
	// Unparsable: what is there is no certificate.
	Unparsable Reason = "Unparsable"
	// KeyMismatch: the key is not the certificate's.
	KeyMismatch Reason = "KeyMismatch"
	// OtherCA: another CA than the one in force has signed it.
	OtherCA Reason = "OtherCA"
	// Expired: its life is over, or has not begun.
	Expired Reason = "Expired"
	// WrongNames: it is for other names.
	WrongNames Reason = "WrongNames"
	// WrongUsage: it is for another use.
	WrongUsage Reason = "WrongUsage"
	// Asked: somebody has asked for a new one.
	Asked Reason = "Asked"
	// Due: the last third of its life has begun.
	Due Reason = "Due"
	// Supplied: somebody else has made another one.
	Supplied Reason = "Supplied"
)

// candidate is a certificate that there is, and what it is held against.
type candidate struct {
	now  time.Time
	pair Pair
	leaf Leaf
	ca   *x509.Certificate
	// asked is the time of the request for a new one.
	asked time.Time

	cert *x509.Certificate
	err  error
}

// check finds one thing wrong.
type check func(candidate) (Reason, string, bool)

// own are the checks of a certificate that the operator has made.
var own = []check{missing, unparsable, keyMismatch, otherCA, expired, wrongNames, wrongUsage, asked, due}

// anew tells why a certificate has to be made anew; an empty reason when not.
func (c candidate) anew(checks []check) (Reason, string) {
	if len(c.pair.Certificate) > 0 {
		c.cert, _, c.err = c.pair.open()
	}
	for _, wrong := range checks {
		if reason, message, failed := wrong(c); failed {
			return reason, message
		}
	}
	return "", ""
}

func missing(c candidate) (Reason, string, bool) {
	return Missing, "there is none", len(c.pair.Certificate) == 0 || len(c.pair.Key) == 0
}

func unparsable(c candidate) (Reason, string, bool) {
	return Unparsable, fmt.Sprint(c.err), c.cert == nil
}

func keyMismatch(c candidate) (Reason, string, bool) {
	return KeyMismatch, fmt.Sprint(c.err), c.err != nil
}

func otherCA(c candidate) (Reason, string, bool) {
	return OtherCA, "another CA has signed it", c.cert.CheckSignatureFrom(c.ca) != nil
}

func expired(c candidate) (Reason, string, bool) {
	if c.now.Before(c.cert.NotBefore) {
		return Expired, "it is not valid before " + c.cert.NotBefore.UTC().Format(time.RFC3339), true
	}
	return Expired, "it has expired on " + c.cert.NotAfter.UTC().Format(time.RFC3339), c.now.After(c.cert.NotAfter)
}

func wrongNames(c candidate) (Reason, string, bool) {
	same := c.cert.Subject.CommonName == c.leaf.CommonName &&
		slices.Equal(c.cert.DNSNames, c.leaf.DNSNames) && slices.EqualFunc(c.cert.IPAddresses, c.leaf.IPs, net.IP.Equal)
	return WrongNames, "its names are not those of the environment", !same
}

func wrongUsage(c candidate) (Reason, string, bool) {
	return WrongUsage, "it is for another use", !slices.Equal(c.cert.ExtKeyUsage, c.leaf.usages())
}

func asked(c candidate) (Reason, string, bool) {
	return Asked, "a new one was asked for", askedFor(c.now, c.asked, c.cert)
}

// askedFor tells whether a request is for this certificate. One of a clock that
// is ahead waits for its time, or it would be fulfilled again and again.
func askedFor(now, asked time.Time, cert *x509.Certificate) bool {
	return issuedAt(cert).Before(asked) && !asked.After(now)
}

// due also looks whether a new one would live longer: one that ends with its CA
// would be made again and again.
func due(c candidate) (Reason, string, bool) {
	return Due, "the last third of its life has begun", !c.now.Before(renewal(c.cert)) && endOf(c.now, c.ca).After(c.cert.NotAfter)
}

// Unfit tells why a certificate that somebody else made cannot be used for the
// leaf; an empty reason when it can. Roots are whom its Secret says to trust.
func Unfit(now time.Time, leaf Leaf, pair Pair, roots []byte) (Reason, string) {
	c := candidate{now: now, leaf: leaf, pair: pair}
	if reason, message := c.anew([]check{missing, unparsable, keyMismatch, expired}); reason != "" {
		return reason, message
	}
	cert := certificates(pair.Certificate)[0]
	if leaf.CommonName != "" && cert.Subject.CommonName != leaf.CommonName {
		return WrongNames, fmt.Sprintf("its common name must be %s", leaf.CommonName)
	}
	var lacks []string
	for _, host := range leaf.Hosts {
		if cert.VerifyHostname(host) != nil {
			lacks = append(lacks, host)
		}
	}
	if len(lacks) > 0 {
		return WrongNames, "it is not for " + strings.Join(lacks, ", ")
	}
	if !verifies(now, pair.Certificate, leaf, pool(certificates(roots))) {
		return OtherCA, "it cannot be verified with its own ca.crt for server and client use as needed"
	}
	return "", ""
}

// verifies tells whether a client that trusts the roots takes the chain for
// every use of the leaf.
func verifies(now time.Time, chain []byte, leaf Leaf, roots *x509.CertPool) bool {
	list := certificates(chain)
	if len(list) == 0 {
		return false
	}
	for _, usage := range leaf.needs() {
		options := x509.VerifyOptions{Roots: roots, Intermediates: pool(list[1:]), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{usage}}
		if _, err := list[0].Verify(options); err != nil {
			return false
		}
	}
	return true
}

// needs are the uses that a certificate cannot do without.
func (l Leaf) needs() []x509.ExtKeyUsage {
	var list []x509.ExtKeyUsage
	if l.Server {
		list = append(list, x509.ExtKeyUsageServerAuth)
	}
	if l.CommonName != "" {
		list = append(list, x509.ExtKeyUsageClientAuth)
	}
	return list
}

func pool(list []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range list {
		p.AddCert(c)
	}
	return p
}

// UnfitCA tells why a CA that somebody handed in cannot be used.
func UnfitCA(now time.Time, pair Pair) (Reason, string) {
	c := candidate{now: now, pair: pair}
	if reason, message := c.anew([]check{missing, unparsable, keyMismatch, expired}); reason != "" {
		return reason, message
	}
	cert := certificates(pair.Certificate)[0]
	switch {
	case !cert.IsCA || !cert.BasicConstraintsValid || cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return WrongUsage, "it is not a CA's certificate"
	case cert.CheckSignatureFrom(cert) != nil:
		return OtherCA, "it is not self-signed"
	}
	return "", ""
}
