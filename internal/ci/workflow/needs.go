package workflow

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// checkNeeds refuses needs that nothing fulfils, and circles.
func checkNeeds(s *Source) error {
	for id, node := range pairs(child(s.root, "jobs")) {
		for _, need := range words(child(node, "needs")) {
			if s.node(need) == nil {
				return invalid(s.File, keyLine(node, "needs"), "the job %s needs %s, which is not there", id, need)
			}
		}
	}
	for id, node := range pairs(child(s.root, "jobs")) {
		if circle := around(s, id, nil); circle != nil {
			return invalid(s.File, keyLine(node, "needs"), "jobs need each other in a circle: %s", strings.Join(circle, " → "))
		}
	}
	return nil
}

// around is the way from a job back to itself through needs; nil for none.
func around(s *Source, id string, way []string) []string {
	if i := slices.Index(way, id); i >= 0 {
		return append(slices.Clone(way[i:]), id)
	}
	way = append(slices.Clone(way), id)
	for _, need := range words(child(s.node(id), "needs")) {
		if circle := around(s, need, way); circle != nil {
			return circle
		}
	}
	return nil
}

// inOrder are the jobs such that each comes after those that it needs.
func inOrder(s *Source) []string {
	var order []string
	var add func(id string)
	add = func(id string) {
		if slices.Contains(order, id) {
			return
		}
		for _, need := range words(child(s.node(id), "needs")) {
			add(need)
		}
		order = append(order, id)
	}
	for id := range pairs(child(s.root, "jobs")) {
		add(id)
	}
	return order
}

// text is YAML without its comments; empty for none.
func text(node *yaml.Node) string {
	if node == nil {
		return ""
	}
	content, err := yaml.Marshal(bareNode(node))
	if err != nil {
		return node.Value
	}
	return string(content)
}

// bareNode is a copy without comments and aliases: neither changes what it means.
func bareNode(node *yaml.Node) *yaml.Node {
	node = resolved(node)
	copied := &yaml.Node{Kind: node.Kind, Style: node.Style, Tag: node.Tag, Value: node.Value}
	for _, c := range node.Content {
		copied.Content = append(copied.Content, bareNode(c))
	}
	return copied
}
