// Package config carries the operator's manifests into the CLI.
package config

import _ "embed"

//go:embed local.yaml
var manifests []byte

// Manifests are the operator's objects, as a local cluster wants them, as a stream of YAML documents: namespace,
// resource definition, rights, Service and Deployment.
func Manifests() []byte { return manifests }
