package install

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/naming"
	"github.com/paws360/pawskind/internal/problem"
)

// StorageClass is the default class of the cluster: one stable folder a claim,
// kept when the claim goes.
const StorageClass = "pawskind-local"

// claimFolder is where a claim's data is, below the folder of the volumes. It
// is what pathPattern gives, so that volumes made here and those made by the
// provisioner are the same.
func claimFolder(namespace, claim string) string { return path.Join(namespace, claim) }

const pathPattern = "{{ .PVC.Namespace }}/{{ .PVC.Name }}"

// provisionerConfig points kind's provisioner to the folder that every node
// mounts, so that its volumes are tied to no node. A pod of it that fails, as runc
// does at times on a busy machine, is made again after 30 s; the default is 120.
const provisionerConfig = `{"sharedFileSystemPath":"` + cluster.DataPath + `","cmdTimeoutSeconds":30}`

// Storage is the storage class and the setting up of kind's provisioner. Its
// pod template carries the configuration, so that a pod that read the old one
// is replaced.
func Storage() ([]*unstructured.Unstructured, error) {
	retain, wait := corev1.PersistentVolumeReclaimRetain, storagev1.VolumeBindingWaitForFirstConsumer
	class, err := untyped(&storagev1.StorageClass{
		TypeMeta: metav1.TypeMeta{APIVersion: "storage.k8s.io/v1", Kind: "StorageClass"},
		ObjectMeta: metav1.ObjectMeta{
			Name:        StorageClass,
			Annotations: map[string]string{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		Provisioner: "rancher.io/local-path", ReclaimPolicy: &retain, VolumeBindingMode: &wait,
		Parameters: map[string]string{"pathPattern": pathPattern},
	})
	if err != nil {
		return nil, err
	}
	return []*unstructured.Unstructured{
		class,
		object("v1", "ConfigMap", "local-path-storage", "local-path-config", map[string]any{
			"data": map[string]any{"config.json": provisionerConfig},
		}),
	}, nil
}

// AdoptStorage makes the class the only default one, and has the provisioner
// read its configuration anew.
func (c *Client) AdoptStorage(ctx context.Context) error {
	const off = `{"metadata":{"annotations":{"storageclass.kubernetes.io/is-default-class":"false"}}}`
	_, err := c.Kube.StorageV1().StorageClasses().Patch(ctx, "standard", types.MergePatchType, []byte(off), metav1.PatchOptions{FieldManager: FieldOwner})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("taking the default away from kind's storage class: %w", err)
	}
	restart, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{"paws360.io/config": provisionerConfig},
	}}}})
	if err != nil {
		return err
	}
	_, err = c.Kube.AppsV1().Deployments("local-path-storage").Patch(ctx, "local-path-provisioner", types.MergePatchType, restart, metav1.PatchOptions{FieldManager: FieldOwner})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("setting up the volume provisioner: %w", err)
	}
	return nil
}

// Claim is one member's claim, known before the member is.
type Claim struct {
	Namespace, Name, Size string
}

// Claims are the claims of all members of the environment.
func Claims(env *v1alpha1.PawsEnvironment) []Claim {
	var claims []Claim
	add := func(component string, replicas, otherwise int32, size, usual string) {
		if replicas == 0 {
			replicas = otherwise
		}
		if size == "" {
			size = usual
		}
		for ordinal := int32(1); ordinal <= replicas; ordinal++ {
			claims = append(claims, Claim{env.Namespace, "data-" + naming.Member(component, ordinal), size})
		}
	}
	s := env.Spec
	add(naming.Etcd, s.Etcd.Replicas, 3, s.Etcd.Storage.Size, "1Gi")
	add(naming.Postgres, s.Postgres.Replicas, 3, s.Postgres.Storage.Size, "5Gi")
	add(naming.Redis, s.Redis.Replicas, 3, s.Redis.Storage.Size, "1Gi")
	add(naming.Sentinel, s.Redis.Sentinels, 3, "", "64Mi")
	return claims
}

// volume is the volume that waits for the claim. Every node mounts the same
// folder, so any node serves.
func (claim Claim) volume() *corev1.PersistentVolume {
	filesystem := corev1.PersistentVolumeFilesystem
	return &corev1.PersistentVolume{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolume"},
		ObjectMeta: metav1.ObjectMeta{
			Name:   "pawskind-" + claim.Namespace + "-" + claim.Name,
			Labels: map[string]string{"app.kubernetes.io/part-of": "paws360"},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(claim.Size)},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain,
			StorageClassName:              StorageClass,
			VolumeMode:                    &filesystem,
			ClaimRef:                      &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				Local: &corev1.LocalVolumeSource{Path: path.Join(cluster.DataPath, claimFolder(claim.Namespace, claim.Name))},
			},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelOSStable, Operator: corev1.NodeSelectorOpIn, Values: []string{"linux"}}},
			}}}},
		},
	}
}

// Folders makes the claims' folders on the host. Only the project's owner gets
// near them, so within they are open: kubelet gives them to their pod's group.
func Folders(root string, claims []Claim) error {
	for _, claim := range claims {
		folder := filepath.Join(root, filepath.FromSlash(claimFolder(claim.Namespace, claim.Name)))
		err := os.MkdirAll(folder, 0o755)
		if info, statErr := os.Stat(folder); err == nil && statErr == nil && info.Mode().Perm() == 0o755 {
			err = os.Chmod(folder, 0o777) // past the umask
		}
		if err != nil {
			return problem.New(problem.FileFailed, "cannot make the folder of a volume").Because(err)
		}
	}
	return nil
}

// Provision makes the volumes of the claims before anybody asks for them, which
// spares each member the provisioner's helper pod. A volume whose claim is gone
// is made anew: its data stays.
func (c *Client) Provision(ctx context.Context, claims []Claim) error {
	volumes := c.Kube.CoreV1().PersistentVolumes()
	existing, err := volumes.List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("listing volumes: %w", err)
	}
	known := map[string]bool{}
	for _, v := range existing.Items {
		if ref := v.Spec.ClaimRef; ref != nil && (v.Status.Phase == corev1.VolumeReleased || v.Status.Phase == corev1.VolumeFailed) && v.Labels["app.kubernetes.io/part-of"] == "paws360" {
			if err := volumes.Delete(ctx, v.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("removing the released volume %s: %w", v.Name, err)
			}
			continue
		}
		if ref := v.Spec.ClaimRef; ref != nil {
			known[ref.Namespace+"/"+ref.Name] = true
		}
	}
	for _, claim := range claims {
		if known[claim.Namespace+"/"+claim.Name] {
			continue
		}
		_, err := volumes.Create(ctx, claim.volume(), metav1.CreateOptions{FieldManager: FieldOwner})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("making the volume of %s: %w", claim.Name, err)
		}
	}
	return nil
}

// object is an untyped object with the given top-level fields.
func object(apiVersion, kind, namespace, name string, fields map[string]any) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: fields}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(namespace)
	u.SetName(name)
	return u
}
