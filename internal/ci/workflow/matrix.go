package workflow

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/paws360/pawskind/internal/ci/expression"
)

// combination is one leg of a matrix.
type combination struct {
	values map[string]any
	// shown are the values that stand in the leg's name.
	shown []string
	// own are the keys of the matrix itself: an include may add to these values
	// and not change them.
	own []string
}

// combinations expands a matrix as the remote does, in the file's order. A job
// without one has a single leg without values.
func combinations(node *yaml.Node, env *expression.Env) ([]combination, error) {
	if node == nil {
		return []combination{{values: map[string]any{}}}, nil
	}
	value, err := env.Node(node)
	if err != nil {
		return nil, err
	}
	matrix, ok := value.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("the matrix is %s and no mapping", expression.String(value))
	}
	include, err := mappings(matrix["include"], "include")
	if err != nil {
		return nil, err
	}
	exclude, err := mappings(matrix["exclude"], "exclude")
	if err != nil {
		return nil, err
	}
	legs, err := product(keysOf(node, matrix), matrix)
	if err != nil {
		return nil, err
	}
	legs = slices.DeleteFunc(legs, func(c combination) bool {
		return slices.ContainsFunc(exclude, func(e map[string]any) bool { return len(e) > 0 && c.matches(e) })
	})
	return included(legs, include, node), nil
}

// keysOf are the matrix's own keys: in the file's order, or sorted when an
// expression gave them.
func keysOf(node *yaml.Node, matrix map[string]any) []string {
	var keys []string
	for key := range pairs(node) {
		keys = append(keys, key)
	}
	if keys == nil {
		for key := range matrix {
			keys = append(keys, key)
		}
		slices.Sort(keys)
	}
	return slices.DeleteFunc(keys, func(key string) bool { return key == "include" || key == "exclude" })
}

func product(keys []string, matrix map[string]any) ([]combination, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	legs := []combination{{values: map[string]any{}}}
	for _, key := range keys {
		choices, ok := matrix[key].([]any)
		if !ok {
			return nil, fmt.Errorf("the matrix's %s is no list", key)
		}
		var next []combination
		for _, leg := range legs {
			for _, choice := range choices {
				values := clone(leg.values)
				values[key] = choice
				next = append(next, combination{values, append(slices.Clone(leg.shown), leaves(choice)...), append(slices.Clone(leg.own), key)})
			}
		}
		legs = next
	}
	return legs, nil
}

// included adds each include to the legs that it does not contradict, or makes a
// leg of its own of it.
func included(legs []combination, include []map[string]any, node *yaml.Node) []combination {
	originals := len(legs)
	for i, extra := range include {
		matched := false
		for _, leg := range legs[:originals] {
			if !leg.agrees(extra) {
				continue
			}
			matched = true
			for key, value := range extra {
				leg.values[key] = value
			}
		}
		if !matched {
			legs = append(legs, combination{values: clone(extra), shown: shown(extra, resolved(child(node, "include")), i)})
		}
	}
	return legs
}

// shown are the values of an include in the file's order.
func shown(extra map[string]any, list *yaml.Node, i int) []string {
	var texts []string
	if list != nil && list.Kind == yaml.SequenceNode && i < len(list.Content) {
		for key := range pairs(list.Content[i]) {
			texts = append(texts, leaves(extra[key])...)
		}
	}
	if texts == nil {
		texts = leaves(extra)
	}
	return texts
}

func (c combination) agrees(extra map[string]any) bool {
	for _, key := range c.own {
		if value, has := extra[key]; has && !reflect.DeepEqual(value, c.values[key]) {
			return false
		}
	}
	return true
}

// matches tells whether the leg has all those values.
func (c combination) matches(want map[string]any) bool {
	for key, value := range want {
		if !covers(c.values[key], value) {
			return false
		}
	}
	return true
}

// covers compares, and lets a mapping match one that has more.
func covers(have, want any) bool {
	wanted, isMap := want.(map[string]any)
	had, hasMap := have.(map[string]any)
	if !isMap || !hasMap {
		return reflect.DeepEqual(have, want)
	}
	for key, value := range wanted {
		if !covers(had[key], value) {
			return false
		}
	}
	return true
}

func mappings(value any, what string) ([]map[string]any, error) {
	if value == nil {
		return nil, nil
	}
	list, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("the matrix's %s is no list", what)
	}
	var all []map[string]any
	for _, one := range list {
		mapping, ok := one.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("the matrix's %s has an entry that is no mapping", what)
		}
		all = append(all, mapping)
	}
	return all, nil
}

// leaves are the scalar values in a value.
func leaves(value any) []string {
	var texts []string
	switch v := value.(type) {
	case map[string]any:
		var keys []string
		for key := range v {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			texts = append(texts, leaves(v[key])...)
		}
	case []any:
		for _, one := range v {
			texts = append(texts, leaves(one)...)
		}
	default:
		if text := expression.String(v); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// suffix is what a leg's values add to its job's name.
func (c combination) suffix() string {
	if len(c.shown) == 0 {
		return ""
	}
	return " (" + strings.Join(c.shown, ", ") + ")"
}

func clone(m map[string]any) map[string]any {
	copied := make(map[string]any, len(m))
	for key, value := range m {
		copied[key] = value
	}
	return copied
}
