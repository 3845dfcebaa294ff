package sbom

import (
	"bufio"
	"bytes"
	"strings"
)

// readRelease reads os-release(5).
func readRelease(found *Contents, _ string, content []byte) error {
	for line := range strings.Lines(string(content)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			found.System.ID = value
		case "VERSION_ID":
			found.System.Version = value
		}
	}
	return nil
}

// readDebian reads dpkg's database. An image into which only files of a package
// were copied has the package's paragraph in status.d, as distroless images do.
func readDebian(found *Contents, name string, content []byte) error {
	scanner := bufio.NewScanner(bytes.NewReader(content))
	scanner.Buffer(nil, len(content)+1)
	fields := map[string]string{}
	add := func() {
		state := fields["Status"]
		if fields["Package"] != "" && (state == "" || strings.HasSuffix(state, " installed")) {
			found.Packages = append(found.Packages, Package{
				Kind: Debian, Name: fields["Package"], Version: fields["Version"], Arch: fields["Architecture"],
				Source: debianSource(fields["Source"], fields["Version"]), Path: name,
			})
		}
		clear(fields)
	}
	for scanner.Scan() {
		line := scanner.Text()
		if line == "" {
			add()
			continue
		}
		if key, value, isField := strings.Cut(line, ":"); isField && line[0] != ' ' && line[0] != '\t' {
			fields[key] = strings.TrimSpace(value)
		}
	}
	add()
	return scanner.Err()
}

// debianSource is the source package of a field such as "glibc (2.41-12)", which
// leaves out a version that is the package's own.
func debianSource(field, version string) string {
	if field == "" {
		return ""
	}
	source, own, found := strings.Cut(field, " (")
	if found {
		version = strings.TrimSuffix(own, ")")
	}
	return source + "@" + version
}
