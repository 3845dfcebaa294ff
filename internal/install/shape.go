package install

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/paws360/pawskind/api/v1alpha1"
	"github.com/paws360/pawskind/internal/problem"
)

// shape is what data on disk depends on, and a new cluster over that data must
// be given again. A running environment may change it: its operator adds and
// removes etcd members properly, which takes a quorum.
type shape struct {
	Etcd     int32  `json:"etcd"`
	Postgres string `json:"postgres"`
}

func shapeOf(env *v1alpha1.PawsEnvironment) shape {
	s := shape{env.Spec.Etcd.Replicas, env.Spec.Postgres.Version}
	if s.Etcd == 0 {
		s.Etcd = 3
	}
	if s.Postgres == "" {
		s.Postgres = "17"
	}
	return s
}

func shapeFile(root, namespace string) string { return filepath.Join(root, namespace, "shape.json") }

// NoteShape remembers beside the data for what shape it is.
func NoteShape(root string, env *v1alpha1.PawsEnvironment) error {
	content, err := json.Marshal(shapeOf(env))
	if err != nil {
		return err
	}
	file := shapeFile(root, env.Namespace)
	if err := os.WriteFile(file, append(content, '\n'), 0o644); err != nil {
		return problem.New(problem.FileFailed, "cannot write %s", file).Because(err)
	}
	return nil
}

// CheckShape refuses an environment that the data of an earlier cluster cannot
// become while nothing runs.
func CheckShape(root string, env *v1alpha1.PawsEnvironment) error {
	content, err := os.ReadFile(shapeFile(root, env.Namespace))
	if err != nil {
		return nil //nolint:nilerr // there is no data yet
	}
	var had shape
	if err := json.Unmarshal(content, &had); err != nil {
		return nil //nolint:nilerr // better to try than to refuse for a note's sake
	}
	want := shapeOf(env)
	refuse := func(what string, args ...any) error {
		return problem.New(problem.DataDiffers, what, args...)
	}
	switch {
	case had.Etcd != want.Etcd:
		return refuse("the data in %s is of %d etcd members, %d are asked for", filepath.Join(root, env.Namespace), had.Etcd, want.Etcd)
	case had.Postgres != want.Postgres:
		return refuse("the data in %s is of PostgreSQL %s, %s is asked for", filepath.Join(root, env.Namespace), had.Postgres, want.Postgres)
	}
	return nil
}
