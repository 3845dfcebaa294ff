package controllers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pki"
	"github.com/paws360/pawskind/internal/pods"
)

// Only the Secrets of the certificates are written; server-side apply tells
// their names also where it creates them.
//
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get
// +kubebuilder:rbac:groups="",resources=secrets,resourceNames=pki-ca;etcd-tls;etcd-peer-tls;postgres-tls;postgres-client-tls;patroni-tls;redis-tls,verbs=create;patch

// certificatesLook is how often Secrets are read when nothing is due: nothing
// tells of a change of theirs, because a watch could read every Secret.
const certificatesLook = 20 * time.Second

// errNothingKnown ends a reconcile: members whose pods tell the CA certificates
// would be replaced for want of them.
var errNothingKnown = errors.New("the certificates are not known")

// certificateFacts are what the last look at the certificates has found.
type certificateFacts struct {
	trust    string
	problems []certificateProblem
	reports  []pki.Report
	rotating bool

	uid        types.UID
	generation int64
	asked      string
	due        time.Time
}

type certificateProblem struct{ reason, message string }

// certificateMemory keeps what was found until it is time to look again.
type certificateMemory struct {
	mu    sync.Mutex
	known map[types.NamespacedName]*certificateFacts
}

func (m *certificateMemory) get(env *v1alpha1.PawsEnvironment) *certificateFacts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.known[client.ObjectKeyFromObject(env)]
}

func (m *certificateMemory) set(env *v1alpha1.PawsEnvironment, facts *certificateFacts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[types.NamespacedName]*certificateFacts{}
	}
	m.known[client.ObjectKeyFromObject(env)] = facts
}

func (m *certificateMemory) forget(key types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.known, key)
}

// reconcileCertificates makes and renews the environment's certificates.
func (r *Reconciler) reconcileCertificates(ctx context.Context, s *scope) error {
	asked := s.env.Annotations[v1alpha1.AnnotationRenew]
	facts := r.certificates.get(s.env)
	if facts == nil || facts.uid != s.env.UID || facts.generation != s.env.Generation || facts.asked != asked || !r.now().Before(facts.due) {
		found, err := r.lookAtCertificates(ctx, s)
		if err != nil && facts == nil {
			return errors.Join(errNothingKnown, err)
		}
		if err != nil {
			s.certificates, s.trust = facts, facts.trust
			return err
		}
		facts = found
		facts.uid, facts.generation, facts.asked = s.env.UID, s.env.Generation, asked
		r.certificates.set(s.env, facts)
	}
	s.certificates, s.trust = facts, facts.trust
	if facts.rotating {
		s.note("the CA is being replaced")
	}
	s.requeue = max(facts.due.Sub(r.now()), time.Second)
	return r.applyOne(ctx, s, pods.TrustMap(s.env, s.trust))
}

func (r *Reconciler) lookAtCertificates(ctx context.Context, s *scope) (*certificateFacts, error) {
	have := &certificateSecrets{}
	if err := r.readCertificates(ctx, s.env, have); err != nil {
		return nil, err
	}
	in := have.input
	in.Now, in.Environment = r.now(), s.env.Namespace+"/"+s.env.Name
	in.Renew = pki.Renewals(s.env.Annotations[v1alpha1.AnnotationRenew])
	var err error
	if in.Settled, err = r.trusted(ctx, s.env, string(in.Authority.Roots)); err != nil {
		return nil, err
	}
	out, err := pki.Maker{Random: rand.Reader}.Plan(in)
	if err != nil {
		return nil, err
	}
	if err := r.writeCertificates(ctx, s.env, have, out); err != nil {
		return nil, err
	}
	r.tellCertificates(s.env, out.Steps)
	facts := &certificateFacts{trust: string(out.Authority.Roots), reports: out.Reports, rotating: out.Rotating, problems: have.problems}
	for _, p := range out.Problems {
		reason := v1alpha1.ReasonCertificateUnfit
		if p.Kind == pki.ProblemCA {
			reason = v1alpha1.ReasonCAUnfit
		}
		facts.problems = append(facts.problems, certificateProblem{reason, p.Message})
	}
	facts.due = in.Now.Add(certificatesLook)
	if !out.Next.IsZero() && out.Next.Before(facts.due) {
		facts.due = out.Next
	}
	return facts, nil
}

// certificateSecrets are the Secrets as they were read.
type certificateSecrets struct {
	input    pki.Input
	live     map[string]*corev1.Secret
	problems []certificateProblem
}

func (r *Reconciler) readCertificates(ctx context.Context, env *v1alpha1.PawsEnvironment, have *certificateSecrets) error {
	have.live, have.input.Issued, have.input.Supplied = map[string]*corev1.Secret{}, map[string]pki.Issued{}, map[string]pki.Issued{}
	ca, err := r.secretData(ctx, env, pki.CA)
	if err != nil {
		return err
	}
	if ca != nil && !pods.Controlled(env, ca) {
		return &stalled{reason: v1alpha1.ReasonSecretForeign, message: foreign(pki.CA), retry: 5 * time.Second}
	}
	if ca != nil {
		have.live[pki.CA], have.input.Authority = ca, pki.ReadAuthority(ca.Data)
	}
	if ref := env.Spec.TLS.CASecretRef; ref != nil {
		handed, err := r.secretData(ctx, env, ref.Name)
		if err != nil {
			return err
		}
		if have.input.CA = (&pki.Pair{}); handed != nil {
			have.input.CA = pki.ReadCA(handed.Data)
		}
	}
	for _, leaf := range pki.Leaves(env) {
		if err := r.readCertificate(ctx, env, leaf, have); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) readCertificate(ctx context.Context, env *v1alpha1.PawsEnvironment, leaf pki.Leaf, have *certificateSecrets) error {
	live, err := r.secretData(ctx, env, leaf.Name)
	if err != nil {
		return err
	}
	if live != nil && !pods.Controlled(env, live) {
		have.problems = append(have.problems, certificateProblem{v1alpha1.ReasonSecretForeign, foreign(leaf.Name)})
		return nil
	}
	have.input.Leaves = append(have.input.Leaves, leaf)
	if live != nil {
		have.live[leaf.Name], have.input.Issued[leaf.Name] = live, pki.ReadIssued(live.Data)
	}
	if leaf.Supplied == "" {
		return nil
	}
	handed, err := r.secretData(ctx, env, leaf.Supplied)
	if err != nil {
		return err
	}
	if handed != nil {
		have.input.Supplied[leaf.Name] = pki.ReadIssued(handed.Data)
	}
	return nil
}

func foreign(name string) string {
	return "the Secret " + name + " was not made by the operator: remove it, or hand it in under another name with spec.tls"
}

// secretData reads a Secret past the cache; nil when there is none.
func (r *Reconciler) secretData(ctx context.Context, env *v1alpha1.PawsEnvironment, name string) (*corev1.Secret, error) {
	secret := &corev1.Secret{}
	if err := r.Direct.Get(ctx, types.NamespacedName{Namespace: env.Namespace, Name: name}, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("reading the Secret %s: %w", name, err)
	}
	return secret, nil
}

// trusted tells whether every pod that reads the roots at its start has these.
func (r *Reconciler) trusted(ctx context.Context, env *v1alpha1.PawsEnvironment, roots string) (bool, error) {
	list := &corev1.PodList{}
	if err := r.List(ctx, list, client.InNamespace(env.Namespace), client.MatchingLabels{naming.LabelEnvironment: env.Name}); err != nil {
		return false, fmt.Errorf("listing the pods: %w", err)
	}
	want := pods.Trusting(roots)
	for i := range list.Items {
		if has, reads := list.Items[i].Annotations[pods.AnnotationTrust]; reads && has != want {
			return false, nil
		}
	}
	return true, nil
}

// writeCertificates writes what has changed: the CA first, so that nothing is
// ever in use that it does not know of.
func (r *Reconciler) writeCertificates(ctx context.Context, env *v1alpha1.PawsEnvironment, have *certificateSecrets, out pki.Output) error {
	data, err := out.Authority.Data()
	if err != nil {
		return err
	}
	if err := r.writeSecret(ctx, env, have.live[pki.CA], pki.CA, data); err != nil {
		return err
	}
	for _, leaf := range have.input.Leaves {
		if len(out.Secrets[leaf.Name].Certificate) == 0 {
			continue // the CA could not sign it, and says so
		}
		if err := r.writeSecret(ctx, env, have.live[leaf.Name], leaf.Name, out.Secrets[leaf.Name].Data()); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reconciler) writeSecret(ctx context.Context, env *v1alpha1.PawsEnvironment, live *corev1.Secret, name string, data map[string][]byte) error {
	return r.applySecret(ctx, live, pki.Secret(env, name, data), data)
}

// applySecret writes one of the operator's own Secrets when it differs.
func (r *Reconciler) applySecret(ctx context.Context, live *corev1.Secret, object *coreac.SecretApplyConfiguration, data map[string][]byte) error {
	if live != nil {
		if reflect.DeepEqual(live.Data, data) && contains(live.Labels, object.Labels) {
			return nil
		}
		// Nobody may have written since it was read.
		object.WithResourceVersion(live.ResourceVersion)
	}
	if err := r.Apply(ctx, object, client.FieldOwner(naming.FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("writing the Secret %s: %w", *object.Name, err)
	}
	return nil
}

func contains(all, some map[string]string) bool {
	for key, value := range some {
		if all[key] != value {
			return false
		}
	}
	return true
}

// tellCertificates records what was done as events, the certificates that were
// made for the same reason in one.
func (r *Reconciler) tellCertificates(env *v1alpha1.PawsEnvironment, steps []pki.Step) {
	var order []pki.Reason
	names := map[pki.Reason][]string{}
	for _, step := range steps {
		if step.Name == pki.CA {
			r.Recorder.Eventf(env, nil, corev1.EventTypeNormal, "CA"+string(step.Reason), "Certify", "%s", step.Message)
			continue
		}
		if len(names[step.Reason]) == 0 {
			order = append(order, step.Reason)
		}
		names[step.Reason] = append(names[step.Reason], step.Name)
	}
	for _, reason := range order {
		r.Recorder.Eventf(env, nil, corev1.EventTypeNormal, "Certificate"+string(reason), "Certify", "made anew: %s", strings.Join(names[reason], ", "))
	}
}
