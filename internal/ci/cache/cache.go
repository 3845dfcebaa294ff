// Package cache serves legs that have passed before with the same inputs. What
// a leg's inputs are, Facts, Reads and the plan tell; a leg whose inputs are not
// the very same runs. What no cache can see is the network and the clock: a job
// whose result hangs on these runs with --no-cache.
package cache

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/paws360/pawskind/internal/ci"
	"github.com/paws360/pawskind/internal/ci/artifacts"
	"github.com/paws360/pawskind/internal/ci/schedule"
)

// Cache is a repository's, as it is for one run.
type Cache struct {
	root   string
	facts  Facts
	store  *store
	hasher *hasher
	pepper []byte
	// These are as they were when the cache was opened.
	tree    *Tree
	commit  string
	tools   *tools
	machine string
}

// Folder is where a project's cache is kept, below its folder of generated files.
func Folder(local string) string { return filepath.Join(local, "ci-cache") }

// Open looks at the repository at root. Do it before the run's copy of the files
// is made: what is changed after it is not kept as a result of the old content.
func Open(ctx context.Context, root, folder string, facts Facts) (*Cache, error) {
	return open(ctx, root, folder, facts, time.Now)
}

func open(ctx context.Context, root, folder string, facts Facts, now func() time.Time) (*Cache, error) {
	c := &Cache{root: root, facts: facts, store: &store{folder: folder, now: now}}
	c.hasher = newHasher(c.stats(), now)
	c.store.hasher = c.hasher
	if err := c.store.prepare(); err != nil {
		return nil, fmt.Errorf("opening the cache in %s: %w", folder, err)
	}
	var group errgroup.Group
	group.Go(func() (err error) {
		if c.tree, err = list(ctx, root); err == nil {
			err = c.tree.read(c.hasher)
		}
		return err
	})
	group.Go(func() (err error) {
		c.pepper, err = pepper(filepath.Join(folder, "pepper"))
		return err
	})
	group.Go(func() error {
		c.commit = commit(ctx, root)
		return nil
	})
	group.Go(func() error {
		c.tools = findTools(ctx, facts, root)
		c.machine = machine()
		return nil
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("looking at %s: %w", root, err)
	}
	return c, ctx.Err()
}

func (c *Cache) stats() string { return filepath.Join(c.store.folder, "files.json") }

// Close keeps what was learned of the files.
func (c *Cache) Close() error {
	return c.hasher.save(c.stats(), func(name string) bool {
		relative, err := filepath.Rel(c.root, name)
		_, listed := c.tree.stamps[filepath.ToSlash(relative)]
		return err == nil && listed
	})
}

// Prune removes entries that were not used for so long, and then the longest
// unused ones until the rest takes no more than that many bytes.
func (c *Cache) Prune(age time.Duration, bytes int64) error { return c.store.prune(age, bytes) }

// Bounds that Prune is called with when nothing else is asked for.
const (
	KeepFor   = 14 * 24 * time.Hour
	KeepBytes = 4 << 30
)

// pepper is this cache's own secret, made when there is none.
func pepper(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err == nil && len(content) == 32 {
		return content, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	content = make([]byte, 32)
	_, _ = rand.Read(content) // never fails: it ends the program instead
	if err := replace(file, content); err != nil {
		return nil, err
	}
	return os.ReadFile(file) // another process may have been later
}

// Leg is the place of a leg in the cache.
func (c *Cache) Leg(ctx context.Context, plan *ci.Plan, job ci.Job, needs map[string]ci.JobResult, folder *artifacts.Run) (schedule.CachedLeg, error) {
	all, err := c.parts(ctx, plan, job, needs, folder)
	if err != nil {
		return nil, fmt.Errorf("telling the inputs of %s: %w", job.Key, err)
	}
	signed := all.signed(c.pepper)
	return &Leg{cache: c, plan: plan, job: job, folder: folder, parts: signed, key: signed.key()}, nil
}

func (c *Cache) parts(ctx context.Context, plan *ci.Plan, job ci.Job, needs map[string]ci.JobResult, folder *artifacts.Run) (parts, error) {
	p := parts{
		partFiles:    c.tree.content(Reads(job)),
		partTools:    digest(c.tools.versions, c.tools.system, c.tools.named(job.Definition), c.machine),
		partRunner:   digest(c.facts.Runner, job.Container),
		partImages:   imagesPart(ctx, job, c.facts),
		partServices: servicesPart(job, c.facts),
		partVersion:  c.facts.Version,
		partCommit:   "",
	}
	if readsCommit(job) {
		p[partCommit] = c.commit
	}
	var problems []error
	set := func(name, text string, err error) {
		p[name] = text
		problems = append(problems, err)
	}
	text, err := jobPart(plan, job)
	set(partJob, text, err)
	text, err = eventPart(plan, c.facts)
	set(partEvent, text, err)
	text, err = canonical(c.facts.Env)
	set(partEnv, text, err)
	text, err = secretsPart(job, c.facts.Secrets)
	set(partSecrets, text, err)
	text, err = needsPart(needs)
	set(partNeeds, text, err)
	text, err = c.artifactsPart(ctx, needs, folder)
	set(partArtifacts, text, err)
	return p, errors.Join(problems...)
}

// artifactsPart is the content of all that the leg's needs uploaded.
func (c *Cache) artifactsPart(ctx context.Context, needs map[string]ci.JobResult, folder *artifacts.Run) (string, error) {
	var names []string
	for _, n := range needs {
		names = append(names, n.Artifacts...)
	}
	slices.Sort(names)
	var texts []string
	for _, name := range slices.Compact(names) {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		files, err := readFolder(filepath.Join(folder.Artifacts(), name), c.hasher)
		if err != nil {
			return "", err
		}
		text, err := canonical(files)
		if err != nil {
			return "", err
		}
		texts = append(texts, name, text)
	}
	return digest(texts...), nil
}

// Leg is one leg's place in the cache.
type Leg struct {
	cache  *Cache
	plan   *ci.Plan
	job    ci.Job
	folder *artifacts.Run
	parts  parts
	key    string
}

// Take gives the result that the same inputs came to.
func (l *Leg) Take(log string) (ci.JobResult, bool) {
	return l.cache.store.take(l.key, l.folder, log)
}

// TakeLatest gives the leg's newest success, whatever its inputs were.
func (l *Leg) TakeLatest(log string) (ci.JobResult, bool) {
	return l.cache.store.take(l.cache.store.latest(l.plan.File, l.job.Key), l.folder, log)
}

// Has tells whether Take would find something.
func (l *Leg) Has() bool {
	_, err := l.cache.store.read(l.key)
	return err == nil
}

// Why says in a few words why the leg is not served: what has changed since it
// last passed.
func (l *Leg) Why() string {
	last, err := l.cache.store.read(l.cache.store.latest(l.plan.File, l.job.Key))
	if err != nil {
		return "it has not passed before"
	}
	return "changed since run " + last.Run + ": " + strings.Join(l.parts.differ(last.Parts), ", ")
}

// errChanged says that a result belongs to no content that is known.
var errChanged = errors.New("files that it reads were changed while it ran")

// Keep stores a success, unless the files that the leg reads were changed since
// the cache was opened.
func (l *Leg) Keep(result ci.JobResult) error {
	if result.Conclusion != ci.Success {
		return nil
	}
	now, err := list(context.Background(), l.cache.root)
	if err != nil {
		return err
	}
	reads := Reads(l.job)
	if now.stamp(reads) != l.cache.tree.stamp(reads) {
		return errChanged
	}
	if readsCommit(l.job) && commit(context.Background(), l.cache.root) != l.cache.commit {
		return errChanged
	}
	e := entry{Format: format, Key: l.key, Run: l.folder.ID, Saved: l.cache.store.now(), Result: result, Parts: l.parts}
	return l.cache.store.put(e, l.plan.File, l.folder)
}

var _ schedule.Cache = (*Cache)(nil)
