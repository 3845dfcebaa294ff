package sbom

import (
	"bytes"
	"debug/buildinfo"
	"runtime/debug"
	"strings"
)

var elf = []byte("\x7fELF")

// readProgram reads the modules that Go's linker wrote into a program. Other
// programs have none.
func readProgram(found *Contents, name string, content []byte) error {
	if !bytes.HasPrefix(content, elf) {
		return nil
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return nil //nolint:nilerr // a program that Go did not make
	}
	add := func(module, version string) {
		if version == "(devel)" {
			version = ""
		}
		found.Packages = append(found.Packages, Package{Kind: Go, Name: module, Version: version, Path: name})
	}
	add("stdlib", strings.TrimPrefix(info.GoVersion, "go"))
	if info.Main.Path != "" {
		add(info.Main.Path, info.Main.Version)
	}
	for _, module := range info.Deps {
		used := inForce(module)
		add(used.Path, used.Version)
	}
	return nil
}

func inForce(module *debug.Module) *debug.Module {
	for module.Replace != nil {
		module = module.Replace
	}
	return module
}
