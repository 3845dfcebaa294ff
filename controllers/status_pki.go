package controllers

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
)

// setCertificates shows the certificates in force and what is wrong with them.
// Before the first look nothing is said.
func setCertificates(s *scope) {
	facts := s.certificates
	if facts == nil {
		return
	}
	s.env.Status.Certificates = nil
	for _, r := range facts.reports {
		c := v1alpha1.CertificateStatus{
			Name: r.Name, For: r.For, Issuer: r.Issuer, Fingerprint: r.Fingerprint, SuppliedBy: r.Supplied,
			// The API keeps whole seconds of the server's own zone.
			IssuedAt: metav1.NewTime(r.IssuedAt.Local()), NotAfter: metav1.NewTime(r.NotAfter.Local()),
		}
		if !r.Renewal.IsZero() {
			at := metav1.NewTime(r.Renewal.Local()).Rfc3339Copy()
			c.RenewalTime = &at
		}
		s.env.Status.Certificates = append(s.env.Status.Certificates, c)
	}
	switch {
	case len(facts.problems) > 0:
		var messages []string
		for _, p := range facts.problems {
			messages = append(messages, p.message)
		}
		s.set(v1alpha1.ConditionCertificatesValid, metav1.ConditionFalse, facts.problems[0].reason, strings.Join(messages, "; "))
	case facts.rotating:
		s.set(v1alpha1.ConditionCertificatesValid, metav1.ConditionTrue, v1alpha1.ReasonRotatingCA, "one CA follows another: members get to know the new one, or forget the old one")
	default:
		s.set(v1alpha1.ConditionCertificatesValid, metav1.ConditionTrue, v1alpha1.ReasonCertificatesIssued, "every certificate is in force and renewed in time")
	}
}
