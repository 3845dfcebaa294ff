package runner

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nektos/act/pkg/model"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/cache"
)

// call is one use of a built-in action.
type call struct {
	leg   *leg
	scope *scope
	// with are the inputs, by their names in lower case.
	with map[string]string
	vars map[string]string
	out  *output
	// name is the action's.
	name string
	step *model.Step
}

// builtIns stand for actions of the remote that fetch from it or keep things
// there. They do the same visible thing on this machine, whatever the version.
var builtIns = map[string]func(context.Context, *call) error{
	"actions/checkout":          checkout,
	"actions/setup-go":          setup,
	"actions/setup-java":        setup,
	"actions/setup-node":        setup,
	"actions/setup-python":      setup,
	"actions/cache":             cacheBoth,
	"actions/cache/restore":     cacheRestore,
	"actions/cache/save":        cacheSave,
	"actions/upload-artifact":   upload,
	"actions/download-artifact": download,
}

func (c *call) output(name, value string) {
	if c.out.result != nil {
		c.out.result.Outputs[name] = value
	}
}

// warn is a warning in the log and an annotation of the workflow's line.
func (c *call) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.out.say("##[warning]" + text)
	c.out.annotate(ci.Annotation{Level: "warning", Message: text})
}

// place is a path as an action's input means it.
func (c *call) place(path string) string {
	if path == "~" || strings.HasPrefix(path, "~/") {
		path = c.leg.base["HOME"] + path[1:]
	}
	return within(c.leg.workspace(), path)
}

// checkout puts the working copy into the workspace: the files that the job
// declares, when it declares any.
func checkout(ctx context.Context, c *call) error {
	l := c.leg
	folder := c.place(c.with["path"])
	if relative, err := filepath.Rel(l.workspace(), folder); err != nil || !filepath.IsLocal(relative) {
		return fmt.Errorf("the path %q is outside of the workspace", c.with["path"])
	}
	if other := c.with["repository"]; other != "" && !strings.EqualFold(other, l.env.Github.Repository) {
		return c.foreign(ctx, other, folder)
	}
	snapshot, err := l.runner.files(ctx)
	if err != nil {
		return err
	}
	if err := snapshot.Checkout(ctx, folder, cache.Reads(l.job)); err != nil {
		return err
	}
	if len(snapshot.Submodules) > 0 {
		l.notice(c.step, "submodules", "the folders "+strings.Join(snapshot.Submodules, ", ")+" stay empty here")
	}
	commit := l.env.Github.Sha
	if ref := c.with["ref"]; ref != "" && ref != l.env.Github.Ref && ref != commit && ref != l.env.Github.RefName {
		if commit, err = c.checkoutRef(ctx, folder, ref); err != nil {
			return err
		}
	}
	c.output("ref", l.env.Github.Ref)
	c.output("commit", commit)
	c.out.say("Checked out the working copy at " + commit + ", with what is not committed")
	return nil
}

// checkoutRef goes to another commit, as it is committed.
func (c *call) checkoutRef(ctx context.Context, folder, ref string) (string, error) {
	for _, candidate := range []string{"refs/remotes/origin/" + ref, "refs/tags/" + ref, ref} {
		commit, err := c.git(ctx, folder, "rev-parse", "--verify", "--quiet", "--end-of-options", candidate+"^{commit}")
		if err != nil {
			continue
		}
		for _, args := range [][]string{{"checkout", "--quiet", "--force", "--detach", commit}, {"clean", "--quiet", "-ffdx"}} {
			if _, err := c.git(ctx, folder, args...); err != nil {
				return "", err
			}
		}
		return commit, nil
	}
	return "", fmt.Errorf("the ref %q is not in the repository here", ref)
}

// foreign fetches another repository.
func (c *call) foreign(ctx context.Context, repository, folder string) error {
	ref := c.with["ref"]
	if ref == "" {
		ref = "HEAD"
	}
	fetched, err := c.leg.runner.actions.fetch(ctx, repository, ref)
	if err != nil {
		return fmt.Errorf("checking out %s: %w", repository, err)
	}
	return copyTree(fetched, folder)
}

func (c *call) git(ctx context.Context, folder string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", args...)
	command.Dir = folder
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return strings.TrimSpace(string(out)), nil
}
