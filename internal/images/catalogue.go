// Package images knows the images that pawskind builds: from what, under which
// name, and how they get into a cluster. A tag is a hash of what an image is
// made from, so that nothing unchanged is built or loaded twice.
package images

import (
	"fmt"
	"slices"
)

// Image is one image of the product.
type Image struct {
	// Name is the image's name under the repository pawskind/.
	Name string
	// Context is its build context, relative to the checkout.
	Context string
	// Dockerfile is relative to the checkout; the context's own when empty.
	Dockerfile string
	// Suite is the Debian release that it starts from; empty for none.
	Suite string
	Args  map[string]string
	// Only restricts the context to these files, when it is a wide folder.
	Only []string
}

// Names of the images.
const (
	Etcd      = "etcd"
	Patroni17 = "patroni-17"
	Patroni15 = "patroni-15"
	Redis     = "redis"
	Manager   = "manager"
	Backend   = "backend"
	Frontend  = "frontend"
)

// Catalogue lists every image.
func Catalogue() []Image {
	return []Image{
		{Name: Etcd, Context: "images/etcd", Suite: "trixie"},
		{Name: Patroni17, Context: "images/patroni", Suite: "trixie", Args: map[string]string{"SUITE": "trixie", "PG_MAJOR": "17"}},
		{Name: Patroni15, Context: "images/patroni", Suite: "bookworm", Args: map[string]string{"SUITE": "bookworm", "PG_MAJOR": "15"}},
		{Name: Redis, Context: "images/redis", Suite: "trixie"},
		{Name: Manager, Context: ".", Dockerfile: "images/manager/Dockerfile", Only: []string{"bin/agent", "bin/manager"}},
		{Name: Backend, Context: "test/apps/backend", Suite: "trixie"},
		{Name: Frontend, Context: "test/apps/frontend", Suite: "trixie"},
	}
}

// Default are the images of an environment with PostgreSQL of that major version.
func Default(postgres string) []string {
	return []string{Etcd, "patroni-" + postgres, Redis, Manager, Backend, Frontend}
}

// Find is the image of that name.
func Find(name string) (Image, error) {
	all := Catalogue()
	if i := slices.IndexFunc(all, func(i Image) bool { return i.Name == name }); i >= 0 {
		return all[i], nil
	}
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return Image{}, fmt.Errorf("there is no image %q: there are %v", name, names)
}
