package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

type specKind string

const (
	bundleSpec  specKind = "bundle"
	processSpec specKind = "process"
)

const missingCapability = "CAP_SYS_RESOURCE"

// relax takes out of a specification what needs CAP_SYS_RESOURCE: the
// capability itself, resource limits, and a negative OOM score adjustment.
// Everything else stays as it is, numbers to the digit.
func relax(spec []byte, kind specKind) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(spec))
	decoder.UseNumber()
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		return nil, fmt.Errorf("reading the %s specification: %w", kind, err)
	}
	process := document
	if kind == bundleSpec {
		process, _ = document["process"].(map[string]any)
	}
	if process != nil {
		relaxProcess(process)
	}
	return json.Marshal(document)
}

func relaxProcess(process map[string]any) {
	delete(process, "rlimits")
	if score, ok := process["oomScoreAdj"].(json.Number); ok {
		if n, err := score.Int64(); err == nil && n < 0 {
			delete(process, "oomScoreAdj")
		}
	}
	sets, _ := process["capabilities"].(map[string]any)
	for name, set := range sets {
		if list, ok := set.([]any); ok {
			sets[name] = slices.DeleteFunc(list, func(c any) bool { return c == missingCapability })
		}
	}
}
