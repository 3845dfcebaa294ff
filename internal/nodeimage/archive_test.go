package nodeimage

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// tarOf is a tar with empty files of those names.
func tarOf(t *testing.T, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range names {
		require.NoError(t, addBytes(w, name, nil))
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestDeletingImages(t *testing.T) {
	for name, c := range map[string]struct {
		layers [][]string
		want   []string
	}{
		"nothing deleted":                   {[][]string{{"etc/passwd"}, {"etc/passwd", "usr/bin/redis"}}, nil},
		"a file deleted":                    {[][]string{{"etc/motd"}, {"etc/.wh.motd"}}, []string{"app:1"}},
		"a folder emptied":                  {[][]string{{"./usr/share/doc/a"}, {"usr/share/doc/.wh..wh..opq", "usr/share/doc/b"}}, []string{"app:1"}},
		"a new folder, marked without need": {[][]string{{"usr/bin/sh"}, {"etc/gss/.wh..wh..opq", "etc/gss/mech"}}, nil},
		"a folder emptied two layers up":    {[][]string{{"srv/a"}, {"opt/b"}, {"srv/.wh..wh..opq"}}, []string{"app:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			image := savedImage{Config: "c.json", RepoTags: []string{"app:1"}}
			file, err := os.Create(filepath.Join(t.TempDir(), "saved.tar"))
			require.NoError(t, err)
			w := tar.NewWriter(file)
			for i, names := range c.layers {
				layer := string(rune('a'+i)) + "/layer.tar"
				image.Layers = append(image.Layers, layer)
				require.NoError(t, addBytes(w, layer, tarOf(t, names...)))
				require.NoError(t, addBytes(w, string(rune('a'+i))+"/VERSION", []byte("1.0")))
			}
			manifest, err := json.Marshal([]savedImage{image})
			require.NoError(t, err)
			require.NoError(t, addBytes(w, "manifest.json", manifest))
			require.NoError(t, w.Close())
			require.NoError(t, file.Close())

			got, err := deletingImages(file.Name())
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestWriteArchiveSharesLayersAndRepeats(t *testing.T) {
	folder := t.TempDir()
	l, err := writeLayer(filepath.Join(folder, "layer.tar"), func(w io.Writer) error {
		_, err := w.Write(tarOf(t, "bin/sh"))
		return err
	})
	require.NoError(t, err)
	images := []flatImage{{ref: "a:1", layer: l}, {ref: "b:1", layer: l, config: runConfig{User: "7"}}}

	first, second := filepath.Join(folder, "1.tar"), filepath.Join(folder, "2.tar")
	require.NoError(t, writeArchive(first, images))
	require.NoError(t, writeArchive(second, images))
	a, err := os.ReadFile(first)
	require.NoError(t, err)
	b, err := os.ReadFile(second)
	require.NoError(t, err)
	require.Equal(t, a, b, "the same images make the same archive")

	var names []string
	require.NoError(t, eachEntry(first, func(h *tar.Header, _ io.Reader) error {
		names = append(names, h.Name)
		return nil
	}))
	require.Equal(t, []string{"config-0.json", "layer.tar", "config-1.json", "manifest.json"}, names)
}
