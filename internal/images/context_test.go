package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
	require.NoError(t, os.Chmod(path, mode))
}

// checkout is a folder with one image to build in it, outside of any git.
func checkout(t *testing.T) (root string, image Image) {
	t.Helper()
	root = t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(root))
	write(t, filepath.Join(root, "images/demo/Dockerfile"), "FROM scratch\nCOPY start.sh conf /\n", 0o644)
	write(t, filepath.Join(root, "images/demo/start.sh"), "#!/bin/sh\n", 0o755)
	write(t, filepath.Join(root, "images/demo/conf/demo.conf"), "a=1\n", 0o644)
	return root, Image{Name: "demo", Context: "images/demo", Args: map[string]string{"SUITE": "trixie", "MAJOR": "17"}}
}

func ref(t *testing.T, root string, image Image) string {
	t.Helper()
	r, err := Ref(root, image)
	require.NoError(t, err)
	require.Regexp(t, `^docker\.io/pawskind/demo:[0-9a-f]{12}$`, r)
	return r
}

func TestTagChangesWithWhatIsBuilt(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, folder string, image *Image){
		"a file's content": func(t *testing.T, folder string, _ *Image) {
			write(t, filepath.Join(folder, "conf/demo.conf"), "a=2\n", 0o644)
		},
		"a file's name": func(t *testing.T, folder string, _ *Image) {
			require.NoError(t, os.Rename(filepath.Join(folder, "conf/demo.conf"), filepath.Join(folder, "conf/other.conf")))
		},
		"a file more": func(t *testing.T, folder string, _ *Image) {
			write(t, filepath.Join(folder, "empty"), "", 0o644)
		},
		"the bit to execute": func(t *testing.T, folder string, _ *Image) {
			require.NoError(t, os.Chmod(filepath.Join(folder, "start.sh"), 0o644))
		},
		"the Dockerfile": func(t *testing.T, folder string, _ *Image) {
			write(t, filepath.Join(folder, "Dockerfile"), "FROM scratch\n", 0o644)
		},
		"an argument":      func(_ *testing.T, _ string, image *Image) { image.Args["MAJOR"] = "15" },
		"an argument less": func(_ *testing.T, _ string, image *Image) { delete(image.Args, "MAJOR") },
	} {
		t.Run(name, func(t *testing.T) {
			root, image := checkout(t)
			before := ref(t, root, image)
			change(t, filepath.Join(root, image.Context), &image)
			require.NotEqual(t, before, ref(t, root, image))
		})
	}
}

func TestTagStaysWithAllElse(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, folder string){
		"the time of a file": func(t *testing.T, folder string) {
			old := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
			require.NoError(t, os.Chtimes(filepath.Join(folder, "start.sh"), old, old))
		},
		"who else may read it": func(t *testing.T, folder string) {
			require.NoError(t, os.Chmod(filepath.Join(folder, "conf/demo.conf"), 0o600))
		},
		"the CA bundle of this machine": func(t *testing.T, folder string) {
			write(t, filepath.Join(folder, bundleFile), "a certificate", 0o644)
			bundle := filepath.Join(t.TempDir(), "ca.crt")
			write(t, bundle, "another certificate", 0o644)
			t.Setenv("SSL_CERT_FILE", bundle)
		},
		"what builds leave behind": func(t *testing.T, folder string) {
			write(t, filepath.Join(folder, "target/classes/A.class"), "x", 0o644)
			write(t, filepath.Join(folder, "node_modules/a/index.js"), "x", 0o644)
		},
	} {
		t.Run(name, func(t *testing.T) {
			root, image := checkout(t)
			before := ref(t, root, image)
			change(t, filepath.Join(root, image.Context))
			require.Equal(t, before, ref(t, root, image))
		})
	}
}

func TestTagIsTheSameElsewhere(t *testing.T) {
	here, image := checkout(t)
	elsewhere, _ := checkout(t)
	require.Equal(t, ref(t, here, image), ref(t, elsewhere, image))
}

func TestGitDecidesWhatCounts(t *testing.T) {
	root, image := checkout(t)
	folder := filepath.Join(root, image.Context)
	write(t, filepath.Join(root, ".gitignore"), "*.log\n", 0o644)
	require.NoError(t, exec.Command("git", "-C", root, "init", "-q").Run())
	require.NoError(t, exec.Command("git", "-C", root, "add", ".").Run())
	before := ref(t, root, image)

	write(t, filepath.Join(folder, "build.log"), "noise", 0o644)
	require.Equal(t, before, ref(t, root, image), "what git ignores")
	write(t, filepath.Join(folder, "new.conf"), "b=1\n", 0o644)
	require.NotEqual(t, before, ref(t, root, image), "what git would track")
	require.NoError(t, os.Remove(filepath.Join(folder, "new.conf")))
	require.NoError(t, os.Remove(filepath.Join(folder, "conf/demo.conf")))
	require.NotEqual(t, before, ref(t, root, image), "a file that is deleted")
}

func TestOnlyRestrictsAWideContext(t *testing.T) {
	root, image := checkout(t)
	image.Context, image.Dockerfile, image.Only = ".", "images/demo/Dockerfile", []string{"bin/manager"}
	_, err := Ref(root, image)
	require.ErrorContains(t, err, "image demo needs bin/manager")

	write(t, filepath.Join(root, "bin/manager"), "program", 0o755)
	before := ref(t, root, image)
	write(t, filepath.Join(root, "README.md"), "hello", 0o644)
	require.Equal(t, before, ref(t, root, image))
	require.Equal(t, []string{bundleFile, "Dockerfile", "bin/manager"}, slices.Sorted(maps.Keys(stream(t, root, image, nil))))
}

type entry struct {
	content string
	mode    int64
}

// stream is what a build would be sent.
func stream(t *testing.T, root string, image Image, bundle []byte) map[string]entry {
	t.Helper()
	var buffer bytes.Buffer
	require.NoError(t, writeContext(&buffer, root, image, bundle))
	entries := map[string]entry{}
	archive := tar.NewReader(&buffer)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		require.NoError(t, err)
		content, err := io.ReadAll(archive)
		require.NoError(t, err)
		require.NotContains(t, entries, header.Name, "twice in the context")
		require.True(t, header.ModTime.Equal(buildTime), header.Name)
		require.Zero(t, header.Uid, header.Name)
		entries[header.Name] = entry{string(content), header.Mode}
	}
}

func TestContextCarriesTheBundleOfThisMachine(t *testing.T) {
	root, image := checkout(t)
	write(t, filepath.Join(root, image.Context, bundleFile), "a bundle left behind", 0o644)
	require.Equal(t, map[string]entry{
		"Dockerfile":     {"FROM scratch\nCOPY start.sh conf /\n", 0o644},
		bundleFile:       {"a certificate", 0o644},
		"start.sh":       {"#!/bin/sh\n", 0o755},
		"conf/demo.conf": {"a=1\n", 0o644},
	}, stream(t, root, image, []byte("a certificate")))
	require.Equal(t, entry{"", 0o644}, stream(t, root, image, nil)[bundleFile], "there also when empty: Dockerfiles copy it")
}

func TestBundleIsTheOneThatProgramsAreTold(t *testing.T) {
	for _, variable := range []string{"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"} {
		t.Setenv(variable, "")
	}
	bundle, err := caBundle()
	require.NoError(t, err)
	require.Empty(t, bundle)

	path := filepath.Join(t.TempDir(), "ca.crt")
	write(t, path, "a certificate", 0o644)
	t.Setenv("CURL_CA_BUNDLE", path)
	bundle, err = caBundle()
	require.NoError(t, err)
	require.Equal(t, "a certificate", string(bundle))

	t.Setenv("SSL_CERT_FILE", filepath.Join(t.TempDir(), "missing"))
	_, err = caBundle()
	require.ErrorContains(t, err, "reading the CA bundle of SSL_CERT_FILE")
}

func TestCatalogue(t *testing.T) {
	for _, version := range []string{"17", "15"} {
		for _, name := range Default(version) {
			_, err := Find(name)
			require.NoError(t, err)
		}
	}
	for _, image := range Catalogue() {
		require.FileExists(t, image.dockerfile(filepath.Join("..", "..")), image.Name)
	}
	_, err := Find("mysql")
	require.ErrorContains(t, err, `there is no image "mysql"`)
}

func TestTail(t *testing.T) {
	require.Equal(t, "b\nc", tail("a\nb\nc\n", 2))
	require.Equal(t, "a", tail(strings.Repeat("\n", 3)+"a", 5))
}
