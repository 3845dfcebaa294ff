package pki

import (
	"crypto/rand"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is an environment's Secrets, which take what plans say.
type world struct {
	t         *testing.T
	now       time.Time
	env       *v1alpha1.PawsEnvironment
	authority Authority
	issued    map[string]Issued
	ca        *Pair
	supplied  map[string]Issued
	renew     map[string]time.Time
	unsettled bool
}

func newWorld(t *testing.T) *world {
	env := &v1alpha1.PawsEnvironment{ObjectMeta: metav1.ObjectMeta{Namespace: "paws", Name: "local"}}
	env.Spec.Etcd.Replicas, env.Spec.Postgres.Replicas, env.Spec.Redis.Replicas, env.Spec.Redis.Sentinels = 3, 3, 3, 3
	return &world{t: t, now: start, env: env, issued: map[string]Issued{}, supplied: map[string]Issued{}, renew: map[string]time.Time{}}
}

func (w *world) input() Input {
	return Input{
		Now: w.now, Environment: "paws/local", Leaves: Leaves(w.env), Authority: w.authority, Issued: w.issued,
		CA: w.ca, Supplied: w.supplied, Renew: w.renew, Settled: !w.unsettled,
	}
}

// plan makes one and writes what it says.
func (w *world) plan() Output {
	w.t.Helper()
	out, err := Maker{rand.Reader}.Plan(w.input())
	require.NoError(w.t, err)
	data, err := out.Authority.Data()
	require.NoError(w.t, err)
	w.authority, w.issued = ReadAuthority(data), map[string]Issued{}
	for name, issued := range out.Secrets {
		w.issued[name] = ReadIssued(issued.Data())
	}
	return out
}

// after lets time pass and makes a plan.
func (w *world) after(d time.Duration) Output {
	w.t.Helper()
	w.now = w.now.Add(d)
	return w.plan()
}

func (w *world) reasons(out Output) map[string]Reason {
	list := map[string]Reason{}
	for _, s := range out.Steps {
		list[s.Name] = s.Reason
	}
	return list
}

// verified holds every certificate against the roots.
func (w *world) verified(issued map[string]Issued, roots []byte) {
	w.t.Helper()
	for _, leaf := range Leaves(w.env) {
		require.True(w.t, verifies(w.now, issued[leaf.Name].Certificate, leaf, pool(certificates(roots))), leaf.Name)
	}
}

func (w *world) current() *x509.Certificate { return certificates(w.authority.Current.Certificate)[0] }

func TestTheFirstPlanMakesEverything(t *testing.T) {
	w := newWorld(t)
	out := w.plan()
	require.Len(t, out.Steps, 7)
	require.Empty(t, out.Problems)
	require.False(t, out.Rotating)
	require.Len(t, out.Reports, 7)
	require.Len(t, certificates(w.authority.Roots), 1)
	for _, leaf := range Leaves(w.env) {
		reason, message := Unfit(w.now, leaf, w.issued[leaf.Name].Pair, w.authority.Roots)
		require.Empty(t, reason, "%s: %s", leaf.Name, message)
	}
	require.Equal(t, "", certificates(w.issued[Etcd].Certificate)[0].Subject.CommonName, "etcd would take it for a user")
	require.Equal(t, "replicator", certificates(w.issued[PostgresClient].Certificate)[0].Subject.CommonName)
	require.NoError(t, certificates(w.issued[Postgres].Certificate)[0].VerifyHostname(naming.MemberHost("paws", naming.Postgres, 9)))
}

func TestAtRestNothingChanges(t *testing.T) {
	w := newWorld(t)
	w.plan()
	authority, issued := w.authority, w.issued
	for _, wait := range []time.Duration{0, time.Minute, time.Hour, 200 * 24 * time.Hour} {
		out := w.after(wait)
		require.Empty(t, out.Steps)
		require.Equal(t, authority, w.authority)
		require.Equal(t, issued, w.issued)
		require.True(t, out.Next.After(w.now))
	}
}

func TestWhatIsMadeAnew(t *testing.T) {
	other := newWorld(t)
	other.plan()
	for name, c := range map[string]struct {
		harm   func(*world)
		reason Reason
	}{
		"deleted": {func(w *world) { delete(w.issued, Etcd) }, Missing},
		"no key":  {func(w *world) { w.issued[Etcd] = Issued{Pair: Pair{Certificate: w.issued[Etcd].Certificate}} }, Missing},
		"garbage": {func(w *world) { w.issued[Etcd] = Issued{Pair: Pair{[]byte("x"), []byte("y")}} }, Unparsable},
		"key of another": {func(w *world) {
			w.issued[Etcd] = Issued{Pair: Pair{w.issued[Etcd].Certificate, w.issued[Redis].Key}}
		}, KeyMismatch},
		"of another environment": {func(w *world) { w.issued[Etcd] = other.issued[Etcd] }, OtherCA},
		"expired":                {func(w *world) { w.now = w.now.Add(LeafLife + time.Hour) }, Expired},
		"clock set back":         {func(w *world) { w.now = w.now.Add(-time.Hour) }, Expired},
		"other names":            {func(w *world) { w.issued[Etcd] = w.issued[Redis] }, WrongNames},
		"asked for":              {func(w *world) { w.now = w.now.Add(time.Hour); w.renew[Etcd] = w.now }, Asked},
		"last third":             {func(w *world) { w.now = w.now.Add(LeafLife * 7 / 10) }, Due},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.plan()
			ca := w.authority.Current
			c.harm(w)
			require.Equal(t, c.reason, w.reasons(w.plan())[Etcd])
			require.Equal(t, ca, w.authority.Current)
			w.verified(w.issued, w.authority.Roots)
			require.Empty(t, w.plan().Steps, "once is enough")
		})
	}
}

func TestARequestFromTheFutureWaits(t *testing.T) {
	w := newWorld(t)
	w.plan()
	w.renew[Etcd] = w.now.Add(time.Hour)
	require.Empty(t, w.after(time.Minute).Steps)
	require.Equal(t, Asked, w.reasons(w.after(time.Hour))[Etcd])
	require.Empty(t, w.after(time.Hour).Steps)
}

func TestACAFollowsAnother(t *testing.T) {
	w := newWorld(t)
	w.plan()
	before := w.authority
	w.now = w.now.Add(time.Hour)
	w.renew[CA] = w.now

	out := w.plan()
	require.Equal(t, map[string]Reason{CA: Asked}, w.reasons(out))
	require.True(t, out.Rotating)
	require.Equal(t, before.Current, w.authority.Current, "the old one signs until the new one is known")
	require.Len(t, certificates(w.authority.Roots), 2)
	w.verified(w.issued, before.Roots)

	require.Empty(t, w.after(Settle-time.Second).Steps, "the kubelets have not looked yet")
	w.unsettled = true
	require.Empty(t, w.after(time.Hour).Steps, "a member runs with the old roots")
	w.unsettled = false

	known := w.authority.Roots
	out = w.after(time.Second)
	require.Len(t, out.Steps, 7)
	require.NotEqual(t, before.Current, w.authority.Current)
	w.verified(w.issued, known)
	require.Equal(t, known, encode(reversed(certificates(w.authority.Roots))...), "the old one is still trusted")

	out = w.after(Settle)
	require.Len(t, out.Steps, 1)
	require.Equal(t, w.authority.Current.Certificate, w.authority.Roots)
	require.True(t, out.Rotating, "members have yet to forget the old one")
	w.unsettled = true
	require.True(t, w.after(time.Second).Rotating)
	w.unsettled = false
	require.False(t, w.after(time.Second).Rotating)
	require.Empty(t, w.after(time.Hour).Steps)
}

func reversed(list []*x509.Certificate) []*x509.Certificate {
	var back []*x509.Certificate
	for i := len(list) - 1; i >= 0; i-- {
		back = append(back, list[i])
	}
	return back
}

func TestACAIsReplacedInItsLastThird(t *testing.T) {
	w := newWorld(t)
	w.plan()
	for w.now.Before(start.Add(CALife * 2 / 3)) {
		w.after(60 * 24 * time.Hour)
	}
	require.True(t, w.plan().Rotating || w.current().NotBefore.After(start.Add(CALife/2)))
	w.after(Settle)
	w.after(Settle)
	require.True(t, w.current().NotBefore.After(start.Add(CALife/2)))
	w.verified(w.issued, w.authority.Roots)
}

func TestABrokenCA(t *testing.T) {
	t.Run("without its key it is followed, and what it has signed stays", func(t *testing.T) {
		w := newWorld(t)
		w.plan()
		issued, roots := w.issued, w.authority.Roots
		w.authority.Current.Key = w.issued[Etcd].Key
		require.Equal(t, map[string]Reason{CA: KeyMismatch}, w.reasons(w.after(time.Minute)))
		require.Equal(t, issued[Etcd].Pair, w.issued[Etcd].Pair)
		w.verified(w.issued, roots)
		w.after(Settle)
		w.verified(w.issued, w.authority.Roots)
		require.Empty(t, w.after(Settle).Problems)
	})
	t.Run("without its Secret another one is made at once", func(t *testing.T) {
		w := newWorld(t)
		w.plan()
		w.authority = Authority{}
		out := w.after(time.Hour)
		require.Equal(t, Missing, w.reasons(out)[CA])
		require.Equal(t, OtherCA, w.reasons(out)[Etcd])
		w.verified(w.issued, w.authority.Roots)
	})
	t.Run("after a state that cannot be read every root counts as new", func(t *testing.T) {
		w := newWorld(t)
		w.plan()
		data, err := w.authority.Data()
		require.NoError(t, err)
		data["state.json"] = []byte("{")
		w.authority = ReadAuthority(data)
		require.Empty(t, w.after(time.Hour).Steps)
		require.Equal(t, w.now, w.authority.State.Published[fingerprint(w.current())])
	})
}

func TestRenewalsAreReadAndWritten(t *testing.T) {
	text := Ask("", []string{Redis, Etcd}, start)
	require.Equal(t, "etcd-tls@2026-03-01T12:00:00Z,redis-tls@2026-03-01T12:00:00Z", text)
	later := Ask(text, []string{Etcd}, start.Add(time.Hour))
	require.Equal(t, map[string]time.Time{Etcd: start.Add(time.Hour), Redis: start}, Renewals(later))
	require.Empty(t, Renewals("etcd-tls,@,x@yesterday"))
}
