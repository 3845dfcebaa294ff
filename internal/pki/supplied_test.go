package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/paws360/pawskind/api/v1alpha1"
)

func supplied(name string) *v1alpha1.SuppliedCertificate {
	return &v1alpha1.SuppliedCertificate{SecretName: name}
}

func TestACertificateThatIsHandedIn(t *testing.T) {
	theirs := newWorld(t)
	theirs.plan()
	w := newWorld(t)
	w.plan()
	before := w.issued[Postgres].Pair
	w.env.Spec.TLS.Certificates.Postgres = supplied("theirs")
	w.supplied[Postgres] = theirs.issued[Postgres]

	out := w.after(time.Minute)
	require.Equal(t, before, w.issued[Postgres].Pair, "nobody knows its CA yet")
	require.Len(t, certificates(w.authority.Roots), 2)
	require.Empty(t, out.Problems)

	require.Equal(t, map[string]Reason{Postgres: Supplied}, w.reasons(w.after(Settle)))
	require.Equal(t, theirs.issued[Postgres].Pair, w.issued[Postgres].Pair)
	out = w.after(LeafLife * 7 / 10)
	require.NotContains(t, w.reasons(out), Postgres, "whoever made it renews it")

	w.supplied[Postgres] = Issued{}
	out = w.after(time.Minute)
	require.Contains(t, out.Problems[0].Message, "theirs is not used for PostgreSQL: there is none")
	require.Equal(t, theirs.issued[Postgres].Pair, w.issued[Postgres].Pair, "what is in force stays")

	w.env.Spec.TLS.Certificates.Postgres = nil
	require.Equal(t, OtherCA, w.reasons(w.after(time.Minute))[Postgres])
	w.after(Settle)
	require.Len(t, certificates(w.authority.Roots), 1)
}

func TestCertificatesAreHandedInFromTheStart(t *testing.T) {
	theirs := newWorld(t)
	theirs.plan()
	w := newWorld(t)
	w.env.Spec.TLS.Certificates.Etcd = supplied("theirs")
	w.supplied[Etcd] = theirs.issued[Etcd]
	out := w.plan()
	require.Equal(t, theirs.issued[Etcd].Pair, w.issued[Etcd].Pair, "nothing runs that could refuse it")
	require.Equal(t, "theirs", out.Reports[1].Supplied)
	require.Zero(t, out.Reports[1].Renewal)
	w.verified(w.issued, w.authority.Roots)
}

func TestWhatIsUnfit(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	w.plan()
	other.plan()
	good := w.issued[EtcdPeer]
	leaf := Leaves(w.env)[1]
	for name, c := range map[string]struct {
		now    time.Time
		given  Issued
		reason Reason
		says   string
	}{
		"good":              {start, good, "", ""},
		"missing":           {start, Issued{}, Missing, "there is none"},
		"key of another":    {start, Issued{Pair{good.Certificate, other.issued[EtcdPeer].Key}, good.Roots}, KeyMismatch, "the key"},
		"expired":           {start.Add(2 * LeafLife), good, Expired, "expired on 2027"},
		"other common name": {start, w.issued[Etcd], WrongNames, "its common name must be etcd-peer"},
		"of another CA":     {start, Issued{good.Pair, other.authority.Roots}, OtherCA, "cannot be verified with its own ca.crt"},
		"no ca.crt":         {start, Issued{good.Pair, nil}, OtherCA, "cannot be verified"},
	} {
		t.Run(name, func(t *testing.T) {
			reason, message := Unfit(c.now, leaf, c.given.Pair, c.given.Roots)
			require.Equal(t, c.reason, reason)
			require.Contains(t, message, c.says)
		})
	}
	reason, message := Unfit(start, Leaves(w.env)[0], w.issued[Postgres].Pair, good.Roots)
	require.Equal(t, WrongNames, reason)
	require.Contains(t, message, "etcd-3.etcd.paws.svc")
}

func TestACAThatIsHandedInFollowsTheOneInForce(t *testing.T) {
	theirs := newWorld(t)
	theirs.plan()
	w := newWorld(t)
	w.plan()
	w.ca = &theirs.authority.Current
	require.Equal(t, map[string]Reason{CA: Supplied}, w.reasons(w.after(time.Minute)))
	w.after(Settle)
	require.Equal(t, theirs.authority.Current, w.authority.Current)
	w.after(Settle)
	require.Equal(t, theirs.authority.Roots, w.authority.Roots)

	w.ca = &Pair{}
	require.Equal(t, ProblemCA, w.after(time.Minute).Problems[0].Kind)
	require.Equal(t, theirs.authority.Current, w.authority.Current, "it goes on signing")

	w.ca = nil
	require.Equal(t, map[string]Reason{CA: Supplied}, w.reasons(w.after(time.Minute)), "one of our own follows")
}

func TestWhichCAsAreUnfit(t *testing.T) {
	w := newWorld(t)
	w.plan()
	leaf := w.issued[Etcd].Pair
	reason, message := UnfitCA(start, leaf)
	require.Equal(t, WrongUsage, reason)
	require.Equal(t, "it is not a CA's certificate", message)
	reason, _ = UnfitCA(start, Pair{w.authority.Current.Certificate, leaf.Key})
	require.Equal(t, KeyMismatch, reason)
	reason, _ = UnfitCA(start, w.authority.Current)
	require.Empty(t, reason)

	ca, key, err := w.authority.Current.open()
	require.NoError(t, err)
	between := *ca
	between.Subject.CommonName, between.MaxPathLen = "between", 0
	below, err := Maker{rand.Reader}.sign(&between, ca, key)
	require.NoError(t, err)
	reason, message = UnfitCA(start, below)
	require.Equal(t, OtherCA, reason)
	require.Equal(t, "it is not self-signed", message)
}

func TestKeysAreReadInEveryCommonShape(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalECPrivateKey(key)
	require.NoError(t, err)
	content := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}})
	content = append(content, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})...)
	read, err := parseKey(content)
	require.NoError(t, err)
	require.True(t, key.PublicKey.Equal(read.Public()))
	for _, bad := range []string{"", "x", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}))} {
		_, err := parseKey([]byte(bad))
		require.Error(t, err)
	}
}
