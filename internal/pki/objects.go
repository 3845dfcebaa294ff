package pki

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// Keys of the Secrets. Those of the next CA are there while it is made known.
const (
	keyCACertificate   = "ca.crt"
	keyCAKey           = "ca.key"
	keyNextCertificate = "next.crt"
	keyNextKey         = "next.key"
	keyRoots           = "trusted.crt"
	keyState           = "state.json"
)

// ReadAuthority is what the Secret of the CA holds.
func ReadAuthority(data map[string][]byte) Authority {
	a := Authority{
		Current: Pair{data[keyCACertificate], data[keyCAKey]},
		Next:    Pair{data[keyNextCertificate], data[keyNextKey]},
		Roots:   data[keyRoots],
	}
	// A state that cannot be read is one of which nothing is known: every root
	// counts as new.
	if json.Unmarshal(data[keyState], &a.State) != nil {
		a.State = State{}
	}
	return a
}

// Data is what the Secret of the CA shall hold.
func (a Authority) Data() (map[string][]byte, error) {
	state, err := json.Marshal(a.State)
	if err != nil {
		return nil, fmt.Errorf("encoding the CA's state: %w", err)
	}
	data := map[string][]byte{
		keyCACertificate: a.Current.Certificate, keyCAKey: a.Current.Key,
		keyRoots: a.Roots, keyState: state,
	}
	if len(a.Next.Certificate) > 0 {
		data[keyNextCertificate], data[keyNextKey] = a.Next.Certificate, a.Next.Key
	}
	return data, nil
}

// ReadIssued is what a Secret of the type kubernetes.io/tls holds.
func ReadIssued(data map[string][]byte) Issued {
	return Issued{Pair{data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey]}, data[corev1.ServiceAccountRootCAKey]}
}

// Data is what the Secret of a certificate shall hold.
func (i Issued) Data() map[string][]byte {
	return map[string][]byte{
		corev1.TLSCertKey: i.Certificate, corev1.TLSPrivateKeyKey: i.Key, corev1.ServiceAccountRootCAKey: i.Roots,
	}
}

// ReadCA is a CA that somebody handed in, under either name.
func ReadCA(data map[string][]byte) *Pair {
	if len(data[corev1.TLSCertKey]) > 0 {
		return &Pair{data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey]}
	}
	return &Pair{data[keyCACertificate], data[keyCAKey]}
}

// Secret is one of the environment's own.
func Secret(env *v1alpha1.PawsEnvironment, name string, data map[string][]byte) *coreac.SecretApplyConfiguration {
	kind := corev1.SecretTypeTLS
	if name == CA {
		kind = corev1.SecretTypeOpaque
	}
	return coreac.Secret(name, env.Namespace).
		WithLabels(naming.Labels(env, "pki")).
		WithOwnerReferences(pods.Owner(env)).
		WithType(kind).
		WithData(data)
}

// Renewals reads AnnotationRenew. What makes no sense asks for nothing.
func Renewals(annotation string) map[string]time.Time {
	asked := map[string]time.Time{}
	for _, one := range strings.Split(annotation, ",") {
		name, at, _ := strings.Cut(strings.TrimSpace(one), "@")
		if t, err := time.Parse(time.RFC3339, at); err == nil && t.After(asked[name]) {
			asked[name] = t
		}
	}
	return asked
}

// Ask adds requests for certificates to be made anew to the annotation.
func Ask(annotation string, names []string, now time.Time) string {
	asked := Renewals(annotation)
	for _, name := range names {
		asked[name] = now
	}
	var list []string
	for name, at := range asked {
		list = append(list, name+"@"+at.UTC().Format(time.RFC3339))
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}
