// Package drillrun runs drills on a cluster: it starts the clients, does the
// fault, waits until all is well again, and has the histories judged.
package drillrun

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/paws360/pawskind/internal/drillclient"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/pods"
)

// podName is the pod of the clients, in the environment's namespace.
const podName = "pawskind-drill"

const podPatience = 30 * time.Second

// clientsPod is the clients' pod: it asks for no more rights than an app.
func clientsPod(namespace, image string) *corev1.Pod {
	var files []corev1.KeyToPath
	for _, key := range drillclient.SecretFiles() {
		files = append(files, corev1.KeyToPath{Key: key, Path: key})
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: podName, Labels: map[string]string{"app.kubernetes.io/name": podName}},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			TerminationGracePeriodSeconds: ptr.To[int64](0),
			AutomountServiceAccountToken:  ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To(pods.User),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Volumes: []corev1.Volume{
				{Name: naming.TrustBundle, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: naming.TrustBundle},
				}}},
				{Name: naming.Credentials, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
					SecretName: naming.Credentials, Items: files,
				}}},
			},
			Containers: []corev1.Container{{
				Name: "clients", Image: image, Command: []string{"/manager", "clients"},
				Env: []corev1.EnvVar{
					// The clients trust the environment and nobody else.
					{Name: "SSL_CERT_FILE", Value: pods.TrustFile},
				},
				VolumeMounts: []corev1.VolumeMount{
					{Name: naming.TrustBundle, MountPath: path.Dir(pods.TrustFile), ReadOnly: true},
					{Name: naming.Credentials, MountPath: pods.SecretsDir, ReadOnly: true},
				},
				Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: drillclient.Port}},
				ReadinessProbe: &corev1.Probe{
					ProbeHandler:  corev1.ProbeHandler{TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(drillclient.Port)}},
					PeriodSeconds: 1,
				},
				Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("64Mi")},
					Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
				},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
					Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}

// Clients reaches the pod of the clients.
type Clients struct {
	*install.Client
	namespace string
}

// StartClients makes the pod anew: one of an interrupted drill is replaced.
func StartClients(ctx context.Context, c *install.Client, namespace, image string) (*Clients, error) {
	k := &Clients{c, namespace}
	if err := k.Remove(ctx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, podPatience)
	defer cancel()
	for {
		_, err := c.Kube.CoreV1().Pods(namespace).Create(ctx, clientsPod(namespace, image), metav1.CreateOptions{})
		if err == nil {
			break
		}
		if !apierrors.IsAlreadyExists(err) {
			return nil, fmt.Errorf("starting the drill's clients: %w", err)
		}
		if err := rest(ctx); err != nil {
			return nil, fmt.Errorf("removing the clients of an earlier drill: %w", err)
		}
	}
	for {
		pod, err := c.Kube.CoreV1().Pods(namespace).Get(ctx, podName, metav1.GetOptions{})
		if err == nil && pods.IsReady(pod) {
			return k, nil
		}
		if waiting := rest(ctx); waiting != nil {
			why := ""
			if err == nil {
				why = pods.Waiting(pod)
			}
			return nil, fmt.Errorf("starting the drill's clients: not ready within %s: %s", podPatience, why)
		}
	}
}

// Remove ends the pod.
func (k *Clients) Remove(ctx context.Context) error {
	err := k.Kube.CoreV1().Pods(k.namespace).Delete(ctx, podName, metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("removing the drill's clients: %w", err)
	}
	return nil
}

const look = 200 * time.Millisecond

// rest pauses between two looks.
func rest(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(look):
		return nil
	}
}

func (k *Clients) path(verb string) string {
	return fmt.Sprintf("/api/v1/namespaces/%s/pods/http:%s:%d/proxy/%s", k.namespace, podName, drillclient.Port, verb)
}

// Start lets the clients of a run begin.
func (k *Clients) Start(ctx context.Context, s drillclient.Settings) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return said(k.Kube.CoreV1().RESTClient().Post().AbsPath(k.path("start")).Body(body).DoRaw(ctx))
}

// Progress counts the writes of the last second, by system and route.
func (k *Clients) Progress(ctx context.Context) (map[string]int, error) {
	body, err := k.Kube.CoreV1().RESTClient().Get().AbsPath(k.path("progress")).DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	var counts map[string]int
	return counts, json.Unmarshal(body, &counts)
}

// Finish ends the run and gives what the clients saw.
func (k *Clients) Finish(ctx context.Context) (drillclient.History, error) {
	var h drillclient.History
	stream, err := k.Kube.CoreV1().RESTClient().Post().AbsPath(k.path("finish")).Stream(ctx)
	if err != nil {
		return h, fmt.Errorf("ending the clients: %w", err)
	}
	defer func() { _ = stream.Close() }()
	body, err := io.ReadAll(stream)
	if err != nil {
		return h, fmt.Errorf("reading the history: %w", err)
	}
	if err := json.Unmarshal(body, &h); err != nil {
		return h, fmt.Errorf("reading the history: %w", err)
	}
	return h, nil
}

// read asks for what every member has, for clients elsewhere.
func (k *Clients) read(ctx context.Context, s drillclient.Settings) ([]drillclient.FinalRows, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	answer, err := k.Kube.CoreV1().RESTClient().Post().AbsPath(k.path("read")).Body(body).DoRaw(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading what every member has: %w", said(answer, err))
	}
	var finals []drillclient.FinalRows
	return finals, json.Unmarshal(answer, &finals)
}

func (k *Clients) tearDown(ctx context.Context) error {
	return said(k.Kube.CoreV1().RESTClient().Post().AbsPath(k.path("teardown")).DoRaw(ctx))
}

// said prefers the clients' own words to the API's.
func said(body []byte, err error) error {
	var words struct{ Error string }
	if err != nil && json.Unmarshal(body, &words) == nil && words.Error != "" {
		return errors.New(words.Error)
	}
	return err
}
