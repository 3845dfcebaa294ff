package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/images"
	"github.com/paws360/pawskind/internal/install"
	"github.com/paws360/pawskind/internal/problem"
)

// ImagesResult are the product's images.
type ImagesResult struct {
	Images []images.Status `json:"images"`
}

func (a *App) builder(ctx context.Context) (*images.Builder, func(), error) {
	e, err := a.engine(ctx)
	if err != nil {
		return nil, nil, err
	}
	if a.Config.Source == "" {
		return nil, nil, problem.New(problem.SourceMissing, "the source checkout was not found, from which images are built")
	}
	p := a.Progress()
	b := &images.Builder{Engine: e, Root: a.Config.Source, Progress: func(step string) { p.Show(-1, "%s", step) }}
	return b, func() { p.Finish() }, nil
}

// ImagesList shows which images are there.
func (a *App) ImagesList(ctx context.Context) error {
	b, finish, err := a.builder(ctx)
	if err != nil {
		return err
	}
	list, err := b.List(ctx)
	finish()
	if err != nil {
		return problem.New(problem.ImageUnavailable, "the images cannot be listed").Because(err)
	}
	return a.Show(ImagesResult{list}, func(out io.Writer) {
		table := [][]string{{"Image", "Size", "Reference"}}
		for _, i := range list {
			size := "not built"
			if i.Present {
				size = fmt.Sprintf("%d MB", i.Bytes/1_000_000)
			}
			table = append(table, []string{i.Name, size, i.Ref})
		}
		rows(out, "", table)
	})
}

// ImagesBuild builds the named images, or all; those that are there only with force.
func (a *App) ImagesBuild(ctx context.Context, names []string, force bool) error {
	b, finish, err := a.builder(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		for _, image := range images.Catalogue() {
			names = append(names, image.Name)
		}
	}
	_, err = b.Ensure(ctx, names, force)
	finish()
	if err != nil {
		return problem.New(problem.ImageUnavailable, "an image cannot be provided").Because(err)
	}
	return a.ImagesList(ctx)
}

// ImagesLoad puts the images of the project's environment into its cluster.
func (a *App) ImagesLoad(ctx context.Context) error {
	_, nodes, err := a.cluster(ctx)
	if err != nil {
		return err
	}
	if cluster.StateOf(nodes) != cluster.Running {
		return problem.New(problem.ClusterStopped, "the cluster %s is %s", a.Config.Name, cluster.StateOf(nodes))
	}
	env, err := install.Environment(a.Config)
	if err != nil {
		return err
	}
	b, finish, err := a.builder(ctx)
	if err != nil {
		return err
	}
	defer finish()
	refs, err := b.Ensure(ctx, install.ImageNames(env), false)
	if err != nil {
		return problem.New(problem.ImageUnavailable, "an image cannot be provided").Because(err)
	}
	var names, list []string
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	for _, ref := range refs {
		list = append(list, ref)
	}
	if err := b.Load(ctx, names, list); err != nil {
		return problem.New(problem.ImageNotLoaded, "the images cannot be loaded into the cluster").Because(err)
	}
	return nil
}
