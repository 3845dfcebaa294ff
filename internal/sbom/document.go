package sbom

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
	"github.com/package-url/packageurl-go"
)

// Image is what a document is about.
type Image struct {
	// Ref is the image's name and tag.
	Ref string
	// ID is the engine's digest of the image.
	ID string
	// Built is when it was made.
	Built time.Time
}

// specification is the one that today's scanners read.
const specification = cyclonedx.SpecVersion1_6

// Document is the CycloneDX document of an image, in JSON. It says the same, byte
// for byte, of the same image.
func Document(image Image, contents Contents) ([]byte, error) {
	repository, tag, _ := strings.Cut(image.Ref, ":")
	document := cyclonedx.NewBOM()
	document.SerialNumber = "urn:uuid:" + uuid.NewSHA1(uuid.NameSpaceURL, []byte(image.Ref+"@"+image.ID)).String()
	document.Metadata = &cyclonedx.Metadata{
		Timestamp: image.Built.UTC().Format(time.RFC3339),
		Tools:     &cyclonedx.ToolsChoice{Components: &[]cyclonedx.Component{{Type: cyclonedx.ComponentTypeApplication, Name: "pawskind"}}},
		Component: &cyclonedx.Component{
			BOMRef: image.Ref, Type: cyclonedx.ComponentTypeContainer, Name: repository, Version: tag,
			Properties: &[]cyclonedx.Property{{Name: "paws360:image:id", Value: image.ID}},
		},
	}
	var components []cyclonedx.Component
	if contents.System.ID != "" {
		components = append(components, cyclonedx.Component{
			BOMRef: "os:" + contents.System.ID, Type: cyclonedx.ComponentTypeOS, Name: contents.System.ID, Version: contents.System.Version,
		})
	}
	for _, p := range contents.Packages {
		components = append(components, p.component(contents.System))
	}
	document.Components = &components
	var out bytes.Buffer
	encoder := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false)
	if err := encoder.EncodeVersion(document, specification); err != nil {
		return nil, fmt.Errorf("writing the document of %s: %w", image.Ref, err)
	}
	return out.Bytes(), nil
}

func (p Package) component(system System) cyclonedx.Component {
	c := cyclonedx.Component{
		BOMRef: p.URL(system), Type: cyclonedx.ComponentTypeLibrary,
		Group: p.Group, Name: p.Name, Version: p.Version, PackageURL: p.URL(system),
		Evidence: &cyclonedx.Evidence{Occurrences: &[]cyclonedx.EvidenceOccurrence{{Location: p.Path}}},
	}
	if len(p.Licenses) > 0 {
		var list cyclonedx.Licenses
		for _, name := range p.Licenses {
			list = append(list, cyclonedx.LicenseChoice{License: &cyclonedx.License{Name: name}})
		}
		c.Licenses = &list
	}
	return c
}

// URL is the package's URL, by which databases of vulnerabilities know it.
func (p Package) URL(system System) string {
	namespace, name := p.Group, p.Name
	qualifiers := map[string]string{}
	switch p.Kind {
	case Debian:
		namespace = system.ID
		qualifiers["arch"] = p.Arch
		qualifiers["distro"] = system.ID + "-" + system.Version
		if p.Source != "" {
			qualifiers["upstream"] = p.Source
		}
	case Go:
		if i := strings.LastIndex(name, "/"); i >= 0 {
			namespace, name = name[:i], name[i+1:]
		}
	}
	return packageurl.NewPackageURL(p.Kind, namespace, name, p.Version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
}
