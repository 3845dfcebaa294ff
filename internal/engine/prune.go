package engine

import (
	"context"
	"strings"
)

// spareImages is how many superseded images of a repository are kept: checkouts
// of different commits on one machine would else rebuild each other's.
const spareImages = 3

// Prune removes images that nothing is likely to ask for again: those of the
// repository of keep, but for keep itself and the newest others. The engine
// itself refuses to remove what a container uses.
func (e *Engine) Prune(ctx context.Context, keep string) {
	out, err := e.Output(ctx, "images", "--format", "{{.Repository}}:{{.Tag}}")
	if err != nil {
		return
	}
	for _, ref := range superseded(strings.Fields(string(out)), keep) {
		_ = e.Run(ctx, "rmi", ref)
	}
}

// superseded are the images of keep's repository that are to be removed, of a
// list with the newest first.
func superseded(newestFirst []string, keep string) []string {
	keep = FullName(keep)
	repository := keep[:strings.LastIndex(keep, ":")+1]
	var others []string
	for _, ref := range newestFirst {
		if full := FullName(ref); strings.HasPrefix(full, repository) && full != keep && !strings.HasSuffix(full, ":<none>") {
			others = append(others, ref)
		}
	}
	return others[min(spareImages, len(others)):]
}

// FullName spells out the registry of an image's name, as containerd does.
func FullName(image string) string {
	image = strings.TrimPrefix(image, "localhost/")
	first, _, slash := strings.Cut(image, "/")
	switch {
	case !slash:
		return "docker.io/library/" + image
	case strings.ContainsAny(first, ".:"):
		return image
	}
	return "docker.io/" + image
}
