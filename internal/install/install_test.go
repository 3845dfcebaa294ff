package install

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/health"
	"github.com/paws360/pawskind/internal/images"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/project"
)

func configOf(profile string) *project.Config {
	return &project.Config{Namespace: "paws360", Profile: profile}
}

func TestOperatorIsGivenItsImages(t *testing.T) {
	objects, err := Operator(map[string]string{
		images.Manager: "m:1", images.Etcd: "e:1", images.Patroni17: "p:17", images.Redis: "r:1",
	})
	require.NoError(t, err)
	for _, o := range objects {
		if o.GetKind() != "Deployment" {
			continue
		}
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		manager := containers[0].(map[string]any)
		require.Equal(t, "m:1", manager["image"])
		env := map[string]any{}
		for _, v := range manager["env"].([]any) {
			env[v.(map[string]any)["name"].(string)] = v.(map[string]any)["value"]
		}
		require.Equal(t, "e:1", env["RELATED_IMAGE_ETCD"])
		require.Equal(t, "p:17", env["RELATED_IMAGE_POSTGRES_17"])
		require.Equal(t, "r:1", env["RELATED_IMAGE_REDIS"])
		return
	}
	t.Fatal("the manifests have no Deployment")
}

func TestVolumesAreWhereTheProvisionerWouldPutThem(t *testing.T) {
	env, err := Environment(configOf(project.ProfileFull))
	require.NoError(t, err)
	claims := Claims(env)
	require.Len(t, claims, 12)
	require.Equal(t, Claim{"paws360", "data-etcd-1", "1Gi"}, claims[0])
	require.Equal(t, Claim{"paws360", "data-patroni-1", "5Gi"}, claims[3])
	got, err := yaml.Marshal(claims[3].volume())
	require.NoError(t, err)
	want, err := os.ReadFile("testdata/volume.yaml")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

func TestFoldersAreOpenWithin(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, Folders(root, []Claim{{"ns", "data-etcd-1", "1Gi"}}))
	info, err := os.Stat(filepath.Join(root, "ns", "data-etcd-1"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o777), info.Mode().Perm())
	require.NoError(t, Folders(root, []Claim{{"ns", "data-etcd-1", "1Gi"}}))
}

func TestProvision(t *testing.T) {
	ctx := context.Background()
	bound := Claim{"paws360", "data-etcd-1", "1Gi"}.volume()
	bound.Name = "pvc-made-by-the-provisioner"
	released := Claim{"paws360", "data-etcd-2", "1Gi"}.volume()
	released.Status.Phase = corev1.VolumeReleased
	released.Spec.ClaimRef.UID = "old"
	kube := fake.NewClientset(bound, released)
	c := &Client{Kube: kube}
	require.NoError(t, c.Provision(ctx, []Claim{
		{"paws360", "data-etcd-1", "1Gi"}, {"paws360", "data-etcd-2", "1Gi"}, {"paws360", "data-etcd-3", "1Gi"},
	}))
	list, err := kube.CoreV1().PersistentVolumes().List(ctx, metav1.ListOptions{})
	require.NoError(t, err)
	uids := map[string]string{}
	for _, v := range list.Items {
		uids[v.Name] = string(v.Spec.ClaimRef.UID)
	}
	require.Equal(t, map[string]string{
		"pvc-made-by-the-provisioner": "", "pawskind-paws360-data-etcd-2": "", "pawskind-paws360-data-etcd-3": "",
	}, uids, "a bound claim keeps its volume, a released volume is made anew")
}

func TestFastProfileHasSingleMembers(t *testing.T) {
	env, err := Environment(configOf(project.ProfileFast))
	require.NoError(t, err)
	require.Len(t, Claims(env), 4)
	require.Equal(t, v1alpha1.SynchronousOff, env.Spec.Postgres.SynchronousMode)
	require.Equal(t, int32(0), *env.Spec.Redis.MinReplicasToWrite)
}

func TestLocalImages(t *testing.T) {
	env, err := Environment(configOf(project.ProfileFull))
	require.NoError(t, err)
	env.Spec.Apps = append(env.Spec.Apps, v1alpha1.AppSpec{Name: "other", Image: "example.com/other:1", Port: 1})
	require.Equal(t, []string{"etcd", "patroni-17", "redis", "manager", "backend", "frontend"}, ImageNames(env))
	PutImages(env, map[string]string{"backend": "docker.io/pawskind/backend:abc", "frontend": "docker.io/pawskind/frontend:def"})
	require.Equal(t, "docker.io/pawskind/backend:abc", env.Spec.Apps[0].Image)
	require.Equal(t, "example.com/other:1", env.Spec.Apps[2].Image)
	_, ok := localImage("docker.io/pawskind/backend:abc")
	require.False(t, ok, "a tag of somebody's own is left alone")
}

func TestEnvironmentFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env.yaml")
	c := configOf(project.ProfileFull)
	c.Environment = file
	require.NoError(t, os.WriteFile(file, []byte("apiVersion: paws360.io/v1alpha1\nkind: PawsEnvironment\nmetadata: {name: mine}\nspec: {etcd: {replicas: 5}, redis: {expose: {nodePort: 31000}}}\n"), 0o644))
	env, err := Environment(c)
	require.NoError(t, err)
	require.Equal(t, "mine", env.Name)
	require.Equal(t, "paws360", env.Namespace)
	require.Equal(t, int32(31000), env.Spec.Redis.Expose.NodePort, "what the file says stays")
	require.NotNil(t, env.Spec.Postgres.Expose)

	require.NoError(t, os.WriteFile(file, []byte("apiVersion: paws360.io/v1alpha1\nkind: PawsEnvironment\nspec: {etcdd: {}}\n"), 0o644))
	_, err = Environment(c)
	require.ErrorContains(t, err, "ERR_CONFIG_002")
	require.ErrorContains(t, err, "etcdd")
}

func TestObjectsCarryTheSecretsAndNothingElse(t *testing.T) {
	env, err := Environment(configOf(project.ProfileFull))
	require.NoError(t, err)
	objects, err := Objects(env, map[string]string{naming.KeyRedisPassword: "p", "GITHUB_TOKEN": "mine"}, nil)
	require.NoError(t, err)
	require.Len(t, objects, 3)
	data, _, _ := unstructured.NestedMap(objects[1].Object, "data")
	require.Equal(t, "cA==", data[naming.KeyRedisPassword])
	require.NotContains(t, data, "GITHUB_TOKEN")
	_, found := objects[2].Object["status"]
	require.False(t, found)
}

func pod(status corev1.ContainerStatus) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "etcd-3", Namespace: "paws360", UID: "u", Labels: map[string]string{naming.LabelComponent: naming.Etcd}},
		Status:     corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{status}},
	}
}

func waiting(reason, message string, restarts int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "etcd", RestartCount: restarts, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
	}}
}

func TestACrashLoopIsSeenEarlyAndNamed(t *testing.T) {
	p := pod(waiting("CrashLoopBackOff", "back-off", 5))
	c := &Client{Kube: fake.NewClientset(p)}
	d := newDiagnosis(c, "paws360")
	found := d.hopeless(context.Background())
	require.NotNil(t, found)
	require.Contains(t, found.Error(), "[ETCD] ERR_ETCD_003: etcd-3 failed to start - CrashLoopBackOff after 5 restarts")
	require.Contains(t, found.Error(), "make local-logs SERVICE=etcd-3")

	d.baseline(context.Background())
	require.Nil(t, d.hopeless(context.Background()), "restarts of an earlier life do not count")
}

// up waited for all of its time for an operator that crashed again and again.
func TestTheOperatorsCrashLoopIsSeenToo(t *testing.T) {
	manager := pod(waiting("CrashLoopBackOff", "back-off", 3))
	manager.Name, manager.Namespace, manager.Labels = "pawskind-manager-x", OperatorNamespace, nil
	d := newDiagnosis(&Client{Kube: fake.NewClientset(manager)}, OperatorNamespace, "paws360")
	found := d.hopeless(context.Background())
	require.NotNil(t, found)
	require.Equal(t, problem.OperatorNotStarted, found.Code)
	require.Contains(t, found.Error(), "pawskind-manager-x failed to start - CrashLoopBackOff after 3 restarts")
}

func TestAMissingImageIsGivenTime(t *testing.T) {
	now := time.Unix(0, 0)
	d := newDiagnosis(nil, "")
	d.now = func() time.Time { return now }
	p := pod(waiting("ImagePullBackOff", "no such image", 0))
	require.Empty(t, d.judge(p))
	now = now.Add(imageGrace)
	require.Equal(t, "ImagePullBackOff: no such image", d.judge(p))
}

func TestTelling(t *testing.T) {
	require.Equal(t, "b ERROR bad", telling("a\nb ERROR bad\nc\n\n"))
	require.Equal(t, "c", telling("a\nc\n"))
	require.Empty(t, telling(""))
}

func TestStep(t *testing.T) {
	env, err := Environment(configOf(project.ProfileFull))
	require.NoError(t, err)
	env.Spec.Etcd.Replicas, env.Spec.Postgres.Replicas, env.Spec.Redis.Replicas, env.Spec.Redis.Sentinels = 3, 3, 3, 3
	env.Generation = 2
	env.Status = v1alpha1.PawsEnvironmentStatus{
		ObservedGeneration: 1,
		Conditions: []metav1.Condition{
			{Type: v1alpha1.ConditionEtcdReady, Status: metav1.ConditionTrue},
			{Type: v1alpha1.ConditionPostgresReady, Status: metav1.ConditionFalse, Message: "no leader yet"},
			{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue},
		},
		Members: []v1alpha1.MemberStatus{{Component: naming.Etcd, Health: v1alpha1.Healthy}, {Component: naming.Postgres, Health: v1alpha1.Unhealthy}},
	}
	require.Equal(t, Step{1, 14, "Waiting for PostgreSQL (0/3 members ready)", "no leader yet", []string{v1alpha1.ConditionEtcdReady}}, stepOf(env))
	require.False(t, ready(env), "the status is of an older spec")
	env.Status.ObservedGeneration = 2
	require.True(t, ready(env))
	env.Status.Conditions = append(env.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, ObservedGeneration: 2,
		Reason: v1alpha1.ReasonSecretInvalid, Message: "REDIS_PASSWORD is missing",
	})
	require.Contains(t, stalled(env).Error(), "ERR_ENV_002: the operator cannot go on (SecretInvalid): REDIS_PASSWORD is missing")
}

func TestAReportIsBelievedWhereTheStatusIsOld(t *testing.T) {
	env, err := Environment(configOf(project.ProfileFast))
	require.NoError(t, err)
	env.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionEtcdReady, Status: metav1.ConditionTrue}}
	report := &health.Report{Components: []health.Component{
		{Name: naming.Etcd, Members: []health.Member{{Component: naming.Etcd, Name: "etcd-1", Health: v1alpha1.Unhealthy}}},
		{Name: naming.Postgres, Members: []health.Member{{Component: naming.Postgres, Name: "patroni-1", Health: v1alpha1.Healthy}}},
	}}
	step := stepOf(seenBy(report, env))
	require.Equal(t, []string{v1alpha1.ConditionPostgresReady}, step.Ready)
	require.Equal(t, "Waiting for etcd (0/1 members ready)", step.Waiting)
	require.Equal(t, 1, step.Healthy)
	require.Equal(t, "etcd-1 is unhealthy (does not answer)", Ailing(&health.Report{Components: []health.Component{
		{Members: []health.Member{{Name: "etcd-1", Health: v1alpha1.Unhealthy, Message: "does not answer"}}},
	}}))
}
