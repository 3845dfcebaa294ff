package sbom

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"
)

var archiveName = regexp.MustCompile(`^(.+?)-(\d[\w.+-]*)\.jar$`)

// readArchive reads what a jar says of itself and of the jars in it: the list that
// its build wrote (Spring Boot's META-INF/sbom), Maven's coordinates, or at least
// its file's name.
func readArchive(found *Contents, name string, content []byte) error {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return err
	}
	told := false
	for _, f := range archive.File {
		look := archivedReader(f.Name)
		if look == nil {
			continue
		}
		content, err := unzip(f)
		if err != nil {
			return err
		}
		before := len(found.Packages)
		if err := look(found, name, content); err != nil {
			return err
		}
		told = told || path.Ext(f.Name) != ".jar" && len(found.Packages) > before
	}
	if parts := archiveName.FindStringSubmatch(path.Base(name)); parts != nil && !told {
		found.Packages = append(found.Packages, Package{Kind: Unknown, Name: parts[1], Version: parts[2], Path: name})
	}
	return nil
}

func archivedReader(name string) reader {
	switch {
	case strings.HasPrefix(name, "META-INF/maven/") && path.Base(name) == "pom.properties":
		return readCoordinates
	case strings.HasPrefix(name, "META-INF/sbom/") && path.Ext(name) == ".json":
		return readDocument
	case path.Ext(name) == ".jar":
		return func(found *Contents, outer string, content []byte) error {
			return readArchive(found, outer+"/"+name, content)
		}
	}
	return nil
}

func unzip(f *zip.File) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	return io.ReadAll(io.LimitReader(in, largest))
}

// readCoordinates reads the pom.properties that Maven puts into what it makes.
func readCoordinates(found *Contents, name string, content []byte) error {
	fields := map[string]string{}
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(line, "=")
		fields[strings.TrimSpace(key)] = strings.TrimSpace(value)
	}
	if fields["artifactId"] != "" {
		found.Packages = append(found.Packages, Package{
			Kind: Maven, Group: fields["groupId"], Name: fields["artifactId"], Version: fields["version"], Path: name,
		})
	}
	return nil
}

// readDocument takes over the Maven artifacts of a CycloneDX document.
func readDocument(found *Contents, name string, content []byte) error {
	document := new(cyclonedx.BOM)
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(content), cyclonedx.BOMFileFormatJSON).Decode(document); err != nil {
		return err
	}
	if document.Components == nil {
		return nil
	}
	for _, c := range *document.Components {
		if purl, err := packageurl.FromString(c.PackageURL); err != nil || purl.Type != Maven {
			continue
		}
		found.Packages = append(found.Packages, Package{
			Kind: Maven, Group: c.Group, Name: c.Name, Version: c.Version, Licenses: licenses(c), Path: name,
		})
	}
	return nil
}

func licenses(c cyclonedx.Component) []string {
	if c.Licenses == nil {
		return nil
	}
	var names []string
	for _, choice := range *c.Licenses {
		switch {
		case choice.Expression != "":
			names = append(names, choice.Expression)
		case choice.License != nil && choice.License.ID != "":
			names = append(names, choice.License.ID)
		case choice.License != nil:
			names = append(names, choice.License.Name)
		}
	}
	return names
}
