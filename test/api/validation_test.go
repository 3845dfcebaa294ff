package api

import (
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/paws360/pawskind/api/v1alpha1"
)

func ptr[T any](v T) *T { return &v }

// app is a valid app; several are told apart by their names.
func app(name string, dependsOn ...string) v1alpha1.AppSpec {
	return v1alpha1.AppSpec{Name: name, Image: "app", Port: 8080, DependsOn: dependsOn}
}

func TestWrongSpecsAreRefused(t *testing.T) {
	ns := namespace(t)
	for name, c := range map[string]struct {
		change func(*v1alpha1.PawsEnvironmentSpec)
		want   string
	}{
		"even etcd":           {func(s *v1alpha1.PawsEnvironmentSpec) { s.Etcd.Replicas = 4 }, "etcd replicas must be odd"},
		"too much etcd":       {func(s *v1alpha1.PawsEnvironmentSpec) { s.Etcd.Replicas = 9 }, "should be less than or equal to 7"},
		"even sentinels":      {func(s *v1alpha1.PawsEnvironmentSpec) { s.Redis.Sentinels = 2 }, "sentinels must be odd"},
		"quorum out of reach": {func(s *v1alpha1.PawsEnvironmentSpec) { s.Redis.Quorum = 4 }, "quorum cannot exceed the number of sentinels"},
		"more replicas to write than there are": {
			func(s *v1alpha1.PawsEnvironmentSpec) { s.Redis.MinReplicasToWrite = ptr(int32(3)) }, "minReplicasToWrite must be below replicas"},
		"hasty Sentinels":    {func(s *v1alpha1.PawsEnvironmentSpec) { s.Redis.DownAfterMilliseconds = 100 }, "should be greater than or equal to 500"},
		"ttl below 20":       {func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.Patroni.TTL = 19 }, "should be greater than or equal to 20"},
		"ttl below its loop": {func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.Patroni.RetryTimeout = 11 }, "ttl must be at least loopWait + 2 * retryTimeout"},
		"synchronous alone":  {func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.Replicas = 1 }, "a single PostgreSQL member has no standby"},
		"unknown version":    {func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.Version = "9" }, "Unsupported value"},
		"unknown mode":       {func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.SynchronousMode = "maybe" }, "Unsupported value"},
		"size of nonsense":   {func(s *v1alpha1.PawsEnvironmentSpec) { s.Etcd.Storage.Size = "large" }, "size must be a quantity"},
		"port out of range": {
			func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.Expose = &v1alpha1.ExposeSpec{NodePort: 5432} }, "should be greater than or equal to 30000"},
		"app of a component's name": {
			func(s *v1alpha1.PawsEnvironmentSpec) { s.Apps = []v1alpha1.AppSpec{app("redis")} }, "this name belongs to a component"},
		"app of an impossible name": {
			func(s *v1alpha1.PawsEnvironmentSpec) { s.Apps = []v1alpha1.AppSpec{app("No_Name")} }, "should match"},
		"dependency on nothing": {
			func(s *v1alpha1.PawsEnvironmentSpec) { s.Apps = []v1alpha1.AppSpec{app("a", "b")} }, "dependsOn must name etcd, postgres, redis or another app"},
		"dependency on itself": {
			func(s *v1alpha1.PawsEnvironmentSpec) { s.Apps = []v1alpha1.AppSpec{app("a", "a")} }, "dependsOn must name etcd, postgres, redis or another app"},
		"two apps of one name": {
			func(s *v1alpha1.PawsEnvironmentSpec) { s.Apps = []v1alpha1.AppSpec{app("a"), app("a")} }, "Duplicate value"},
	} {
		t.Run(name, func(t *testing.T) {
			env := environment(ns)
			require.NoError(t, kube.Create(t.Context(), env, client.DryRunAll), "the defaults are valid")
			env = env.DeepCopy()
			env.ResourceVersion, env.UID = "", ""
			c.change(&env.Spec)
			require.ErrorContains(t, kube.Create(t.Context(), env, client.DryRunAll), c.want)
		})
	}
}

// A spec cannot undo what protects the data and the connections (NFR-SEC-002).
func TestParametersThatUndoProtectionAreRefused(t *testing.T) {
	const ours = "belong to pawskind"
	for _, c := range []struct{ name, value, want string }{
		{"ssl", "off", ours},
		{"ssl_min_protocol_version", "TLSv1", ours},
		{"password_encryption", "md5", ours},
		{"hba_file", "/data/open.conf", ours},
		{"data_directory", "/tmp", ours},
		{"synchronous_standby_names", "", ours},
		{"fsync", "off", ours},
		{"synchronous_commit", "off", "acknowledged writes can be lost"},
		{"synchronous_commit", "local", "acknowledged writes can be lost"},
		{"SSL", "off", "lower-case letters"},
		{"work_mem\nssl", "off", "lower-case letters"},
	} {
		t.Run(c.name+"="+c.value, func(t *testing.T) {
			env := environment(namespace(t))
			env.Spec.Postgres.Parameters = map[string]string{c.name: c.value}
			require.ErrorContains(t, kube.Create(t.Context(), env, client.DryRunAll), c.want)
		})
	}
}

func TestOrdinaryParametersAreAccepted(t *testing.T) {
	env := environment(namespace(t))
	env.Spec.Postgres.Parameters = map[string]string{
		"work_mem": "8MB", "synchronous_commit": "remote_apply", "pg_stat_statements.track": "all", "shared_preload_libraries": "pg_stat_statements",
	}
	require.NoError(t, kube.Create(t.Context(), env, client.DryRunAll))
}

func TestChangesThatCannotBeMadeAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.PawsEnvironmentSpec)
		want   string
	}{
		"another PostgreSQL major": {func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.Version = "15" }, "the PostgreSQL major version cannot change in place"},
		"less storage":             {func(s *v1alpha1.PawsEnvironmentSpec) { s.Postgres.Storage.Size = "1Gi" }, "storage cannot shrink"},
		"another storage class":    {func(s *v1alpha1.PawsEnvironmentSpec) { s.Redis.Storage.StorageClassName = ptr("other") }, "storageClassName cannot change"},
	} {
		t.Run(name, func(t *testing.T) {
			env := environment(namespace(t))
			env.Spec.Redis = v1alpha1.RedisSpec{Replicas: 3, Sentinels: 3, Quorum: 2, Storage: v1alpha1.StorageSpec{Size: "1Gi", StorageClassName: ptr("one")}}
			env.Spec.Suspend = true
			require.NoError(t, kube.Create(t.Context(), env))
			before := env.DeepCopy()
			c.change(&env.Spec)
			require.ErrorContains(t, kube.Patch(t.Context(), env, client.MergeFrom(before)), c.want)
		})
	}
}

func TestStorageMayGrow(t *testing.T) {
	env := environment(namespace(t))
	env.Spec.Suspend = true
	require.NoError(t, kube.Create(t.Context(), env))
	before := env.DeepCopy()
	env.Spec.Postgres.Storage.Size = "10Gi"
	require.NoError(t, kube.Patch(t.Context(), env, client.MergeFrom(before)))
}

func TestAnEmptySpecIsProductionsShape(t *testing.T) {
	env := environment(namespace(t))
	require.NoError(t, kube.Create(t.Context(), env, client.DryRunAll))
	spec := env.Spec
	require.EqualValues(t, 3, spec.Etcd.Replicas)
	require.EqualValues(t, 3, spec.Postgres.Replicas)
	require.Equal(t, "17", spec.Postgres.Version)
	require.Equal(t, v1alpha1.SynchronousQuorum, spec.Postgres.SynchronousMode)
	require.EqualValues(t, []int32{30, 10, 10}, []int32{spec.Postgres.Patroni.TTL, spec.Postgres.Patroni.LoopWait, spec.Postgres.Patroni.RetryTimeout})
	require.EqualValues(t, []int32{3, 3, 2, 5000}, []int32{spec.Redis.Replicas, spec.Redis.Sentinels, spec.Redis.Quorum, spec.Redis.DownAfterMilliseconds})
	require.EqualValues(t, 1, *spec.Redis.MinReplicasToWrite)
	require.Equal(t, "paws360-secrets", spec.SecretsRef.Name)
}
