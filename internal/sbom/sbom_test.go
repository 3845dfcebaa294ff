package sbom

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/stretchr/testify/require"
)

// image is a tar of files: their content by their names, programs among them by a
// leading "*".
func image(t *testing.T, files map[string][]byte) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for name, content := range files {
		mode := int64(0o644)
		if name[0] == '*' {
			name, mode = name[1:], 0o755
		}
		require.NoError(t, archive.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg}))
		_, err := archive.Write(content)
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return &out
}

func jar(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for name, content := range files {
		f, err := archive.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	return out.Bytes()
}

func names(t *testing.T, files map[string][]byte) []string {
	t.Helper()
	found, err := Read(image(t, files))
	require.NoError(t, err)
	var list []string
	for _, p := range found.Packages {
		list = append(list, p.Kind+" "+strings.TrimPrefix(p.Group+"/"+p.Name, "/")+" "+p.Version)
	}
	return list
}

const dpkg = `Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.41-12)
Version: 2.41-12+b1
Description: GNU C Library
 .
 Package: not one

Package: gone
Status: deinstall ok config-files
Version: 1

Package: curl
Status: install ok installed
Architecture: amd64
Version: 8.14.1-2
`

func TestDebianPackagesAreThoseInstalled(t *testing.T) {
	require.Equal(t, []string{"deb curl 8.14.1-2", "deb libc6 2.41-12+b1"},
		names(t, map[string][]byte{"./var/lib/dpkg/status": []byte(dpkg)}))
}

// An image into which a package's program was copied has its paragraph alone.
func TestDebianPackagesOfCopiedFilesAreNamed(t *testing.T) {
	require.Equal(t, []string{"deb etcd-server 3.5.16-4"},
		names(t, map[string][]byte{"var/lib/dpkg/status.d/etcd-server": []byte("Package: etcd-server\nStatus: install ok installed\nVersion: 3.5.16-4\n")}))
}

func TestAProgramOfGoNamesItsModules(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	content, err := os.ReadFile(self)
	require.NoError(t, err)
	list := strings.Join(names(t, map[string][]byte{"*manager": content, "*start.sh": []byte("#!/bin/sh\n")}), "\n")
	require.Regexp(t, `(?m)^golang stdlib 1\.\d+`, list)
	require.Contains(t, list, "golang github.com/paws360/pawskind", "the program's own module")
}

func TestNpmPackagesAreThoseOfProduction(t *testing.T) {
	require.Equal(t, []string{"npm react 19.3.1", "npm @next/env 16.4.5"}, names(t, map[string][]byte{
		"app/node_modules/.package-lock.json": []byte(`{"lockfileVersion":3,"packages":{
			"node_modules/@next/env":{"version":"16.4.5","license":"MIT"},
			"node_modules/sharp":{"version":"0.34.1","optional":true},
			"node_modules/typescript":{"version":"5.9.3","dev":true}}}`),
		"app/node_modules/react/package.json":                      []byte(`{"name":"react","version":"19.3.1","license":"MIT"}`),
		"app/node_modules/react/esm/package.json":                  []byte(`{"type":"module"}`),
		"app/node_modules/react/vendored/package.json":             []byte(`{"name":"vendored","version":"1.0.0"}`),
		"app/node_modules/broken/package.json":                     []byte(`{`),
		"app/node_modules/@next/env/node_modules/react/index.json": []byte(`{}`),
	}))
}

func TestMavenArtifactsComeFromWhatTheBuildWrote(t *testing.T) {
	document := `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[
		{"type":"library","group":"org.springframework","name":"spring-core","version":"6.2.1","purl":"pkg:maven/org.springframework/spring-core@6.2.1?type=jar","licenses":[{"license":{"id":"Apache-2.0"}}]}]}`
	inner := jar(t, map[string]string{"META-INF/maven/io.lettuce/lettuce-core/pom.properties": "#made\ngroupId=io.lettuce\nartifactId=lettuce-core\nversion=6.6.0\n"})
	require.Equal(t, []string{
		"generic kept 1.0",
		"maven io.lettuce/lettuce-core 6.6.0",
		"maven org.springframework/spring-core 6.2.1",
		"maven org.springframework/spring-web 6.2.1",
	}, names(t, map[string][]byte{
		"app/backend.jar":               jar(t, map[string]string{"META-INF/sbom/application.cdx.json": document, "BOOT-INF/lib/lettuce-core-6.6.0.jar": string(inner)}),
		"app/lib/spring-core-6.2.1.jar": jar(t, map[string]string{"a": ""}),
		"app/application.cdx.json":      []byte(strings.ReplaceAll(document, "spring-core", "spring-web")),
		"app/lib/spring-web-6.2.1.jar":  jar(t, map[string]string{"a": ""}),
		"app/lib/kept-1.0.jar":          jar(t, map[string]string{"a": ""}),
	}), "a jar that says nothing is known by its file's name, unless another names it")
}

func TestTheDocumentIsCycloneDXAndAlwaysTheSame(t *testing.T) {
	files := map[string][]byte{
		"var/lib/dpkg/status": []byte(dpkg),
		"usr/lib/os-release":  []byte("ID=debian\nVERSION_ID=\"13\"\n"),
	}
	about := Image{Ref: "docker.io/pawskind/redis:0123", ID: "sha256:ab", Built: time.Unix(1, 0)}
	write := func() []byte {
		found, err := Read(image(t, files))
		require.NoError(t, err)
		content, err := Document(about, found)
		require.NoError(t, err)
		return content
	}
	first := write()
	require.Equal(t, string(first), string(write()))

	document := new(cyclonedx.BOM)
	require.NoError(t, json.Unmarshal(first, document))
	require.Equal(t, "0123", document.Metadata.Component.Version)
	var urls []string
	for _, c := range *document.Components {
		urls = append(urls, c.PackageURL)
	}
	require.Equal(t, []string{
		"",
		"pkg:deb/debian/curl@8.14.1-2?arch=amd64&distro=debian-13",
		"pkg:deb/debian/libc6@2.41-12%2Bb1?arch=amd64&distro=debian-13&upstream=glibc%402.41-12",
	}, urls, "advisories speak of source packages")
}

func TestAnImageThatCannotBeReadIsNoEmptyList(t *testing.T) {
	_, err := Read(strings.NewReader("no tar"))
	require.ErrorContains(t, err, "reading the image's files")
	_, err = Read(image(t, map[string][]byte{"app/a.jar": []byte("no archive")}))
	require.ErrorContains(t, err, "/app/a.jar")
}
