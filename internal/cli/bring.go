package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/images"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/nodeimage"
	"github.com/paws360/pawskind/internal/problem"
)

// bringCluster sees to it that the cluster runs, is whole, has the images and
// the operator.
func (u *up) bringCluster(ctx context.Context, nodes []cluster.Node) error {
	state := cluster.StateOf(nodes)
	if state != cluster.Absent {
		whole, err := u.resume(ctx, nodes, state)
		if err != nil {
			return err
		}
		if whole {
			return u.refresh(ctx, nodes)
		}
		u.Note("The cluster %s was interrupted while it was made: making it anew. Its data is kept.", u.Config.Name)
		if err := u.cluster.Delete(ctx); err != nil {
			return err
		}
	}
	if err := install.CheckShape(u.Config.ClusterData(), u.env); err != nil {
		return err
	}
	return u.create(ctx)
}

const startTimeout = 90 * time.Second

// resume starts the nodes where they are stopped, and tells whether the cluster
// is whole. One that was interrupted in the making is not.
func (u *up) resume(ctx context.Context, nodes []cluster.Node, state string) (bool, error) {
	name := "cluster found"
	if state != cluster.Running {
		name, u.restarted = "cluster started", true
		u.Show(10, "Starting the cluster's nodes")
	}
	defer u.Phase(name)()
	if err := u.cluster.Start(ctx, nodes); err != nil {
		return false, err
	}
	if !u.cluster.Bootstrapped(ctx) {
		return false, ctx.Err()
	}
	config, err := u.cluster.RESTConfig()
	if err != nil {
		// A node without a kubeconfig never came so far.
		return false, ctx.Err()
	}
	u.Show(20, "Waiting for the Kubernetes API")
	waiting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := cluster.WaitForAPI(waiting, config); err != nil {
		return false, ctx.Err()
	}
	if u.client, err = install.NewClient(config); err != nil {
		return false, err
	}
	record, err := cluster.ReadRecord(ctx, u.client.Kube)
	if err != nil || record == nil {
		return false, err
	}
	wanted := u.clusterConfig("")
	if record.DataDir != wanted.DataDir {
		return false, u.otherProject(record.DataDir)
	}
	if differences := record.Differences(wanted); len(differences) > 0 {
		u.Note("The cluster %s is not as pawskind.yaml asks: %s. To change it: pawskind down, then pawskind up (data is kept).",
			u.Config.Name, strings.Join(differences, "; "))
	}
	return true, nil
}

// refresh brings images and operator of a whole cluster up to date.
func (u *up) refresh(ctx context.Context, nodes []cluster.Node) error {
	if err := u.ensureImages(ctx); err != nil {
		return err
	}
	if err := u.loadImages(ctx, nodes); err != nil {
		return err
	}
	defer u.Phase("operator applied")()
	return u.applyOperator(ctx, u.client)
}

func (u *up) loadImages(ctx context.Context, nodes []cluster.Node) error {
	defer u.Phase("images in the cluster")()
	var names []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	if err := u.builder().Load(ctx, names, slices.Sorted(maps.Values(u.refs))); err != nil {
		return problem.New(problem.ImageNotLoaded, "the images cannot be loaded into the cluster").Because(err)
	}
	return nil
}

func (u *up) builder() *images.Builder {
	return &images.Builder{Engine: u.engine, Root: u.Config.Source, Progress: func(step string) { u.Show(-1, "%s", step) }}
}

func (u *up) ensureImages(ctx context.Context) error {
	defer u.Phase("images")()
	u.Show(3, "Looking for the images")
	if u.Config.Source == "" {
		return problem.New(problem.SourceMissing, "the source checkout was not found, from which images are built")
	}
	refs, err := u.builder().Ensure(ctx, install.ImageNames(u.env), false)
	if err != nil {
		return problem.New(problem.ImageUnavailable, "an image cannot be provided").Because(err)
	}
	u.refs = refs
	install.PutImages(u.env, refs)
	return nil
}

func (u *up) ensureNodeImage(ctx context.Context) (string, error) {
	defer u.Phase("node image")()
	ref, err := nodeimage.Ensure(ctx, u.nodeImageOptions())
	if err != nil {
		return "", problem.New(problem.NodeImageUnavailable, "the node image cannot be provided").Because(err)
	}
	return ref, nil
}

func (u *up) nodeImageOptions() nodeimage.Options {
	return nodeimage.Options{
		Engine: u.engine, Root: u.Config.Source, Image: u.Config.NodeImage,
		Progress: func(step string) { u.Show(-1, "%s", step) },
	}
}

// bakedNodeImage is the node image with the product's images in it, unpacked.
func (u *up) bakedNodeImage(ctx context.Context) (string, error) {
	var node string
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return u.ensureImages(both) })
	group.Go(func() (err error) {
		node, err = u.ensureNodeImage(both)
		return err
	})
	if err := group.Wait(); err != nil {
		return "", err
	}
	defer u.Phase("images in the node image")()
	u.Show(8, "Looking for the node image with all images")
	refs, err := u.imagesToBake(ctx)
	if err != nil {
		return "", err
	}
	ref, err := nodeimage.WithImages(ctx, u.nodeImageOptions(), node, refs)
	if err != nil {
		return "", problem.New(problem.NodeImageUnavailable, "the images cannot be put into the node image").Because(err)
	}
	return ref, nil
}

// imagesToBake are the environment's images, and those of the usual environment
// that are there: environments that differ in their apps alone share a node image.
func (u *up) imagesToBake(ctx context.Context) ([]string, error) {
	version := u.env.Spec.Postgres.Version
	if version == "" {
		version = "17"
	}
	list, err := u.builder().List(ctx)
	if err != nil {
		return nil, problem.New(problem.ImageUnavailable, "the images cannot be listed").Because(err)
	}
	refs := slices.Collect(maps.Values(u.refs))
	for _, i := range list {
		if i.Present && slices.Contains(images.Default(version), i.Name) {
			refs = append(refs, i.Ref)
		}
	}
	slices.Sort(refs)
	return slices.Compact(refs), nil
}

func (u *up) clusterConfig(image string) cluster.Config {
	kubeadm, containerd := nodeimage.KindPatches()
	p := u.Config.Ports
	return cluster.Config{
		Name: u.Config.Name, Nodes: u.Config.Nodes, Image: image, DataDir: u.Config.ClusterData(), Bind: u.Config.Bind, AuditPolicy: u.Config.AuditPolicy,
		Ports: []cluster.PortMapping{
			{Host: int32(p.Frontend), Node: cluster.NodePortFrontend}, {Host: int32(p.Backend), Node: cluster.NodePortBackend},
			{Host: int32(p.Postgres), Node: cluster.NodePortPostgres}, {Host: int32(p.Redis), Node: cluster.NodePortRedis},
		},
		KubeadmPatches: kubeadm, ContainerdPatches: containerd,
	}
}

// create makes the cluster, and puts the operator in as soon as the API answers,
// while kind still sets up network and storage.
func (u *up) create(ctx context.Context) error {
	image, err := u.bakedNodeImage(ctx)
	if err != nil {
		return err
	}
	config := u.clusterConfig(image)
	u.created = true
	u.Show(12, "Creating the cluster")
	group, both := errgroup.WithContext(ctx)
	finished := make(chan struct{})
	group.Go(func() error {
		defer close(finished)
		defer u.Phase("cluster created")()
		return explained(u.cluster.Create(both, config))
	})
	group.Go(func() error { return u.early(both, finished) })
	if err := group.Wait(); err != nil {
		return err
	}
	defer u.Phase("storage set up")()
	if err := u.client.AdoptStorage(ctx); err != nil {
		return err
	}
	return cluster.WriteRecord(ctx, u.client.Kube, config.Record())
}

// early applies all that the API takes before the cluster is whole.
func (u *up) early(ctx context.Context, finished <-chan struct{}) error {
	api := u.Phase("Kubernetes API")
	config, err := u.cluster.EarlyRESTConfig(ctx)
	if err != nil {
		return err
	}
	if err := u.cluster.Guard(ctx); err != nil {
		return err
	}
	// The first API server may answer before it has its own rights in place, and
	// what it refuses then is tried again.
	if err := cluster.WaitForAPI(ctx, config); err != nil {
		return err
	}
	api()
	if err := u.earlyApply(ctx, config); err != nil {
		return err
	}
	select {
	case <-finished:
	case <-ctx.Done():
		return ctx.Err()
	}
	storage, err := install.Storage()
	if err != nil {
		return err
	}
	return u.client.Apply(ctx, storage...)
}

func (u *up) earlyApply(ctx context.Context, config *rest.Config) error {
	defer u.Phase("operator applied")()
	u.Show(30, "Installing the operator")
	var err error
	if u.client, err = install.NewClient(config); err != nil {
		return err
	}
	if err := u.applyOperator(ctx, u.client); err != nil {
		return err
	}
	if err := u.client.Provision(ctx, install.Claims(u.env)); err != nil {
		return err
	}
	patient, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	return u.client.SetUpAddons(patient, u.Config.Nodes, cluster.ControlPlane(u.Config.Name))
}

func (u *up) applyOperator(ctx context.Context, client *install.Client) error {
	objects, err := install.Operator(u.refs)
	if err != nil {
		return err
	}
	return client.ApplyOperator(ctx, objects)
}

// explained adds what the failing command of kind said last.
func explained(err error) error {
	var one *problem.Problem
	if !errors.As(err, &one) || one.Cause == nil {
		return err
	}
	if said := cluster.LastOutput(one.Cause); said != "" {
		one.What = fmt.Sprintf("%s: %s", one.What, said)
	}
	return one
}
