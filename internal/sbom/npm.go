package sbom

import (
	"encoding/json"
	"strings"
)

// readLock reads a lock file of npm, also the one that npm leaves in
// node_modules. What only development needs is not in the image, and what is
// optional only where its own package.json is, too.
// Source: https://docs.npmjs.com/cli/configuring-npm/package-lock-json.
func readLock(found *Contents, name string, content []byte) error {
	var lock struct {
		Packages map[string]struct {
			Version, License string
			Dev, DevOptional bool
			Optional, Link   bool
		}
	}
	if err := json.Unmarshal(content, &lock); err != nil {
		return err
	}
	for where, p := range lock.Packages {
		full, inModules := afterLast(where, "node_modules/")
		if !inModules || p.Dev || p.DevOptional || p.Optional || p.Link {
			continue
		}
		found.Packages = append(found.Packages, npmPackage(full, p.Version, p.License, name))
	}
	return nil
}

// readModule reads the package.json of an installed package. Packages keep further
// such files, without a name or a version, for Node's sake.
func readModule(found *Contents, name string, content []byte) error {
	var module struct {
		Name, Version string
		License       any
	}
	if json.Unmarshal(content, &module) != nil || module.Name == "" || module.Version == "" {
		return nil
	}
	// One that stands elsewhere belongs to the package around it.
	if rest, _ := afterLast(name, "/node_modules/"); rest != module.Name+"/package.json" {
		return nil
	}
	license, _ := module.License.(string)
	found.Packages = append(found.Packages, npmPackage(module.Name, module.Version, license, name))
	return nil
}

func npmPackage(full, version, license, where string) Package {
	p := Package{Kind: NPM, Name: full, Version: version, Path: where}
	if scope, name, scoped := strings.Cut(full, "/"); scoped {
		p.Group, p.Name = scope, name
	}
	if license != "" {
		p.Licenses = []string{license}
	}
	return p
}

func afterLast(text, separator string) (after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return "", false
	}
	return text[i+len(separator):], true
}
