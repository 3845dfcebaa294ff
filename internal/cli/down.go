package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/paws360/pawskind/internal/cluster"
	"github.com/paws360/pawskind/internal/engine"
	"github.com/paws360/pawskind/internal/problem"
	"github.com/paws360/pawskind/internal/secrets"
)

// Phrase must be typed before data is deleted.
const Phrase = "yes-delete-all-data"

// Stop stops the cluster's nodes; containers and data stay.
func (a *App) Stop(ctx context.Context) error {
	unlock, err := a.Config.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, nodes, err := a.cluster(ctx)
	if err != nil {
		return err
	}
	switch cluster.StateOf(nodes) {
	case cluster.Absent:
		a.Note("The cluster %s does not exist; there is nothing to stop.", a.Config.Name)
		return nil
	case cluster.Stopped:
		a.Note("The cluster %s is stopped already.", a.Config.Name)
		return nil
	}
	if err := a.mine(ctx, c, nodes); err != nil {
		return err
	}
	p := a.Progress()
	p.Show(10, "Stopping the databases and the cluster's nodes")
	err = c.Stop(ctx, nodes)
	_, seconds := p.Finish()
	if err != nil {
		return err
	}
	a.Note("%s Stopped in %.1f s. All data is kept; pawskind up starts it again.", a.symbol("✓", "OK"), seconds)
	return nil
}

// Down deletes the cluster. Its data stays, unless volumes is set.
func (a *App) Down(ctx context.Context, volumes bool, confirmation string) error {
	if volumes {
		return a.Reset(ctx, confirmation)
	}
	unlock, err := a.Config.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	c, nodes, err := a.ownCluster(ctx)
	if err != nil {
		return err
	}
	p := a.Progress()
	p.Show(10, "Deleting the cluster %s", a.Config.Name)
	err = c.Delete(ctx)
	_, seconds := p.Finish()
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		a.Note("The cluster %s does not exist; there is nothing to delete.", a.Config.Name)
		return nil
	}
	a.Note("%s Deleted in %.1f s. All data is kept in %s.", a.symbol("✓", "OK"), seconds, relative(a.Config.ClusterData()))
	return nil
}

// Reset deletes the cluster, all its data and the generated secrets.
func (a *App) Reset(ctx context.Context, confirmation string) error {
	if err := a.confirmReset(confirmation); err != nil {
		return err
	}
	unlock, err := a.Config.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	e, err := a.engine(ctx)
	if err != nil {
		return err
	}
	c := cluster.New(e, a.Config.Name, a.kindLogger(nil))
	nodes, err := c.Nodes(ctx)
	if err == nil {
		err = a.mine(ctx, c, nodes)
	}
	if err != nil {
		return err
	}
	image := ""
	if len(nodes) > 0 {
		out, err := e.Output(ctx, "inspect", "--format", "{{.Config.Image}}", nodes[0].Name)
		if err == nil {
			image = strings.TrimSpace(string(out))
		}
	}
	p := a.Progress()
	p.Show(10, "Deleting the cluster %s", a.Config.Name)
	err = c.Delete(ctx)
	if err == nil {
		p.Show(60, "Deleting all data")
		err = wipe(ctx, e, image, a.Config.ClusterData())
	}
	if err == nil && !anyData(a.Config.DataDir) {
		// Clusters of one project share its secrets.
		err = secrets.Forget(a.Config.SecretsFile())
	}
	// The network is kind's and goes with the last cluster on it.
	_ = e.RemoveNetwork(ctx, "kind")
	_, seconds := p.Finish()
	if err != nil {
		return err
	}
	a.Note("%s Cluster, data and generated secrets are deleted (%.1f s).", a.symbol("✓", "OK"), seconds)
	return nil
}

func (a *App) confirmReset(confirmation string) error {
	if confirmation == "" && a.Asks {
		_, _ = fmt.Fprintf(a.Err, "%s This will DELETE all data volumes (PostgreSQL, etcd, Redis)\n", a.symbol("⚠ WARNING:", "WARNING:"))
		confirmation = a.ask("Type '" + Phrase + "' to confirm: ")
	}
	if confirmation != Phrase {
		return problem.New(problem.NotConfirmed, "nothing was deleted: the phrase %s was not given", Phrase)
	}
	return nil
}

// wipe deletes a folder. Its files belong to the users of the containers: where
// this user may not delete them, a container of the engine may.
func wipe(ctx context.Context, e *engine.Engine, image, folder string) error {
	err := os.RemoveAll(folder)
	if err == nil {
		return nil
	}
	if image == "" {
		out, _ := e.Output(ctx, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=*pawskind/*")
		image, _, _ = strings.Cut(string(out), "\n")
	}
	if image != "" {
		_ = e.Run(ctx, "run", "--rm", "--user", "0", "--volume", filepath.Dir(folder)+":/data", "--entrypoint", "rm", image,
			"-rf", "/data/"+filepath.Base(folder))
		if err = os.RemoveAll(folder); err == nil {
			return nil
		}
	}
	return problem.New(problem.FileFailed, "the data in %s cannot be deleted", folder).Because(err).Do("Run: sudo rm -rf %s", folder)
}

// anyData tells whether any cluster of the project still has data.
func anyData(folder string) bool {
	entries, _ := os.ReadDir(folder)
	for _, entry := range entries {
		if hasData(filepath.Join(folder, entry.Name())) {
			return true
		}
	}
	return false
}
