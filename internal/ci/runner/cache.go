package runner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paws360/pawskind/internal/ci/tree"
)

// entry is what is kept under a key of actions/cache; beside it is a folder for
// each of its paths, named by its number.
type entry struct {
	Key   string    `json:"key"`
	Paths []string  `json:"paths"`
	Saved time.Time `json:"saved"`
}

// entryFile says what an entry holds.
const entryFile = "entry.json"

// cacheBoth restores now and saves when the job has passed, unless the very key
// was there.
func cacheBoth(ctx context.Context, c *call) error {
	hit, err := c.restore()
	if err != nil || hit || c.with["lookup-only"] == "true" {
		return err
	}
	c.leg.posts = append(c.leg.posts, post{"Post " + c.out.step, "success()", func(ctx context.Context, o *output) error {
		c.out = o
		return cacheSave(ctx, c)
	}})
	return ctx.Err()
}

func cacheRestore(_ context.Context, c *call) error {
	_, err := c.restore()
	return err
}

// restore brings back the entry of the key, or the newest of a key that begins
// with one of restore-keys; it tells whether it was the key itself.
func (c *call) restore() (bool, error) {
	key := c.with["key"]
	c.output("cache-primary-key", key)
	found, folder, err := c.lookup(key)
	if err != nil {
		return false, err
	}
	hit := found != nil && found.Key == key
	c.output("cache-hit", strconv.FormatBool(hit))
	if found == nil {
		c.output("cache-hit", "")
		if c.with["fail-on-cache-miss"] == "true" {
			return false, fmt.Errorf("there is no cache for the key %s", key)
		}
		c.out.say("There is no cache for the key " + key)
		return false, nil
	}
	c.output("cache-matched-key", found.Key)
	if c.with["lookup-only"] == "true" {
		return hit, nil
	}
	for i, p := range found.Paths {
		kept := filepath.Join(folder, strconv.Itoa(i))
		if _, err := os.Lstat(kept); err != nil {
			continue
		}
		if err := copyTree(kept, c.place(p)); err != nil {
			return false, fmt.Errorf("restoring %s from the cache: %w", p, err)
		}
	}
	c.out.say("Restored the cache of the key " + found.Key)
	return hit, nil
}

func (c *call) cacheFolder(key string) string {
	sum := sha256.Sum256([]byte(key + "\x00" + strings.Join(lines(c.with["path"]), "\n")))
	return filepath.Join(c.leg.in.CacheDir, hex.EncodeToString(sum[:16]))
}

func (c *call) lookup(key string) (*entry, string, error) {
	if e := readEntry(c.cacheFolder(key)); e != nil {
		return e, c.cacheFolder(key), nil
	}
	folders, err := filepath.Glob(filepath.Join(c.leg.in.CacheDir, "*", entryFile))
	if err != nil {
		return nil, "", err
	}
	for _, prefix := range lines(c.with["restore-keys"]) {
		var best *entry
		where := ""
		for _, file := range folders {
			e := readEntry(filepath.Dir(file))
			if e != nil && strings.HasPrefix(e.Key, prefix) && slices.Equal(e.Paths, lines(c.with["path"])) && (best == nil || e.Saved.After(best.Saved)) {
				best, where = e, filepath.Dir(file)
			}
		}
		if best != nil {
			return best, where, nil
		}
	}
	return nil, "", nil
}

func readEntry(folder string) *entry {
	content, err := os.ReadFile(filepath.Join(folder, entryFile))
	if err != nil {
		return nil // one that is being written has none yet
	}
	var e entry
	if json.Unmarshal(content, &e) != nil {
		return nil
	}
	return &e
}

// cacheSave keeps the paths under the key. Another leg may do so at the same
// time: an entry appears whole, and the first one stays.
func cacheSave(_ context.Context, c *call) (err error) {
	e := entry{Key: c.with["key"], Paths: lines(c.with["path"]), Saved: time.Now()}
	target := c.cacheFolder(e.Key)
	if readEntry(target) != nil {
		c.out.say("The cache has the key " + e.Key + " already")
		return nil
	}
	if err := os.MkdirAll(c.leg.in.CacheDir, 0o755); err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	part, err := os.MkdirTemp(c.leg.in.CacheDir, ".part-")
	if err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	defer func() { _ = tree.RemoveAll(part) }()
	kept := 0
	for i, p := range e.Paths {
		from := c.place(p)
		if _, err := os.Lstat(from); err != nil {
			continue
		}
		if err := copyTree(from, filepath.Join(part, strconv.Itoa(i))); err != nil {
			return fmt.Errorf("saving %s in the cache: %w", p, err)
		}
		kept++
	}
	if kept == 0 {
		c.warn("nothing is saved in the cache: none of its paths is there")
		return nil
	}
	content, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	if err := os.WriteFile(filepath.Join(part, entryFile), content, 0o644); err != nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	if err := os.Rename(part, target); err != nil && !errors.Is(err, os.ErrExist) && readEntry(target) == nil {
		return fmt.Errorf("saving the cache: %w", err)
	}
	c.out.say("Saved the cache under the key " + e.Key)
	return nil
}
