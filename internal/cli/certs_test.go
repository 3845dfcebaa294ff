package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
)

func certified() *v1alpha1.PawsEnvironment {
	at := func(year int) metav1.Time { return metav1.Date(year, 6, 1, 12, 0, 0, 0, time.Local) }
	renewal := at(2035)
	env := &v1alpha1.PawsEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "paws360", Name: "local"}}
	env.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionCertificatesValid, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonCertificatesIssued, Message: "all is well"}}
	env.Status.Certificates = []v1alpha1.CertificateStatus{
		{Name: "pki-ca", For: "signing", Issuer: "0a", Fingerprint: "0a", IssuedAt: at(2026), NotAfter: at(2036), RenewalTime: &renewal},
		{Name: "etcd-tls", For: "etcd, towards clients", Issuer: "0a", Fingerprint: "0b", IssuedAt: at(2026), NotAfter: at(2027), RenewalTime: &renewal},
		{Name: "postgres-tls", For: "PostgreSQL", Fingerprint: "0c", IssuedAt: at(2026), NotAfter: at(2027), SuppliedBy: "theirs"},
	}
	return env
}

func TestCertificatesAreListed(t *testing.T) {
	var out bytes.Buffer
	a := appIn(t, &UI{Out: &out, Format: Text})
	a.printCertificates(&out, certificates(certified()))
	require.Equal(t, `NAME          FOR                    EXPIRES     RENEWED      ISSUER
pki-ca        signing                2036-06-01  2035-06-01   0a
etcd-tls      etcd, towards clients  2027-06-01  2035-06-01   0a
postgres-tls  PostgreSQL             2027-06-01  with theirs
OK   all is well
`, out.String())
}

func TestBeforeTheFirstLookNothingIsValid(t *testing.T) {
	r := certificates(&v1alpha1.PawsEnvironment{})
	require.False(t, r.Valid)
	require.Equal(t, v1alpha1.ReasonProbing, r.Reason)
}

func TestWhatCanBeMadeAnew(t *testing.T) {
	all, err := renewable(certified(), nil)
	require.NoError(t, err)
	require.Equal(t, []string{"etcd-tls"}, all, "not the CA's, and not what somebody else makes")
	short, err := renewable(certified(), []string{"etcd"})
	require.NoError(t, err)
	require.Equal(t, all, short)
	_, err = renewable(certified(), []string{"postgres-tls"})
	require.ErrorContains(t, err, "ERR_CERT_002")
}

func TestTheCAIsWrittenForClients(t *testing.T) {
	a := appIn(t, &UI{})
	require.NoError(t, a.writeCA("one"))
	require.NoError(t, a.writeCA("two"))
	content, err := os.ReadFile(a.Config.CAFile())
	require.NoError(t, err)
	require.Equal(t, "two", string(content))
	left, err := filepath.Glob(a.Config.CAFile() + ".*")
	require.NoError(t, err)
	require.Empty(t, left)
}
