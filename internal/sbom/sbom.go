// Package sbom lists what an image is made of, from the image itself: Debian
// packages, Go modules, npm packages and Maven artifacts. It writes the list as a
// CycloneDX document.
package sbom

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Kinds of packages, by the types of their package URLs.
// Source: https://github.com/package-url/purl-spec, PURL-TYPES.
const (
	Debian  = "deb"
	Go      = "golang"
	NPM     = "npm"
	Maven   = "maven"
	Unknown = "generic"
)

// Package is one part of an image.
type Package struct {
	// Kind is one of the constants of this package.
	Kind string
	// Group is Maven's group or npm's scope; empty for none.
	Group string
	Name  string
	// Version is empty where the image does not say, as for a program that was
	// built from a checkout.
	Version string
	// Arch is Debian's architecture.
	Arch string
	// Source is Debian's source package and its version, such as glibc@2.41-12,
	// where it is named otherwise: what Debian's advisories speak of.
	Source string
	// Licenses are names or SPDX expressions, where the image has them.
	Licenses []string
	// Path is the file of the image that says so.
	Path string
}

// System is the release of the distribution that an image started from; empty
// for none.
type System struct{ ID, Version string }

// Contents are what was found in an image.
type Contents struct {
	System   System
	Packages []Package
}

// largest bounds a file that is looked into: more than the largest program.
const largest = 512 << 20

// Read looks through the files of an image, a tar of its whole root. Packages come
// in the order of kind, name and version, each once.
func Read(root io.Reader) (Contents, error) {
	var found Contents
	files := tar.NewReader(root)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			found.Packages = tidy(found.Packages)
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("reading the image's files: %w", err)
		}
		name := path.Clean("/" + header.Name)
		look := readerFor(name, header)
		if look == nil {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(files, largest))
		if err != nil {
			return found, fmt.Errorf("reading %s of the image: %w", name, err)
		}
		if err := look(&found, name, content); err != nil {
			return found, fmt.Errorf("reading %s of the image: %w", name, err)
		}
	}
}

// reader takes from a file what it says of packages.
type reader func(found *Contents, name string, content []byte) error

// readerFor is the reader of a file; nil for one that says nothing.
func readerFor(name string, header *tar.Header) reader {
	if header.Typeflag != tar.TypeReg || header.Size == 0 {
		return nil
	}
	base := path.Base(name)
	switch {
	case name == "/etc/os-release" || name == "/usr/lib/os-release":
		return readRelease
	case name == "/var/lib/dpkg/status" || path.Dir(name) == "/var/lib/dpkg/status.d":
		return readDebian
	case base == ".package-lock.json" || base == "package-lock.json":
		return readLock
	case base == "package.json" && strings.Contains(name, "/node_modules/"):
		return readModule
	case strings.HasSuffix(base, ".cdx.json"):
		return readDocument
	case path.Ext(base) == ".jar":
		return readArchive
	case header.FileInfo().Mode()&0o111 != 0:
		return readProgram
	}
	return nil
}

// key tells packages apart.
func (p Package) key() string {
	return strings.Join([]string{p.Kind, p.Group, p.Name, p.Version, p.Arch}, "\x00")
}

// tidy sorts, and names each package once. What is known by its file's name alone
// is left out where another file says more of it.
func tidy(packages []Package) []Package {
	known := map[string]bool{}
	for _, p := range packages {
		if p.Kind == Maven {
			known[p.Name+"@"+p.Version] = true
		}
	}
	packages = slices.DeleteFunc(packages, func(p Package) bool {
		return p.Kind == Unknown && known[p.Name+"@"+p.Version]
	})
	slices.SortStableFunc(packages, func(a, b Package) int {
		return cmp.Or(strings.Compare(a.key(), b.key()), len(b.Licenses)-len(a.Licenses), strings.Compare(a.Path, b.Path))
	})
	return slices.CompactFunc(packages, func(a, b Package) bool { return a.key() == b.key() })
}
