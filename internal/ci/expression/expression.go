// Package expression evaluates the ${{ }} of workflows. The language is that of
// act's interpreter; what is here is where expressions stand in texts, in
// conditions and in YAML, and the ports of services, which act does not know.
package expression

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"github.com/nektos/act/pkg/exprparser"
	"github.com/nektos/act/pkg/model"
	"gopkg.in/yaml.v3"
)

// Env is what expressions see.
type Env struct {
	exprparser.EvaluationEnvironment
	// Ports are the host's ports of the job's services, by name and own port.
	Ports map[string]map[string]int
}

// New is an Env in which nothing has gone wrong yet.
func New() *Env {
	return &Env{EvaluationEnvironment: exprparser.EvaluationEnvironment{
		Github: &model.GithubContext{Event: map[string]any{}}, Env: map[string]string{}, Job: &model.JobContext{Status: "success"},
		Steps: map[string]*model.StepResult{}, Runner: map[string]any{}, Secrets: map[string]string{}, Vars: map[string]string{},
		Strategy: map[string]any{}, Matrix: map[string]any{}, Needs: map[string]exprparser.Needs{}, Inputs: map[string]any{},
	}}
}

// Value evaluates one expression, with or without its ${{ }}.
func (e *Env) Value(text string) (any, error) {
	return e.evaluate(text, exprparser.DefaultStatusCheckNone)
}

// evaluate guards against the interpreter's panics on what it does not expect.
func (e *Env) evaluate(text string, status exprparser.DefaultStatusCheck) (value any, err error) {
	defer func() {
		if broken := recover(); broken != nil {
			value, err = nil, fmt.Errorf("the expression %q cannot be evaluated: %v", text, broken)
		}
	}()
	inner := e.withPorts(bare(text))
	// Context "step" has success() and failure() read the job's status, which
	// whoever evaluates a job's own condition sets from its needs.
	value, err = exprparser.NewInterpeter(&e.EvaluationEnvironment, exprparser.Config{Context: "step"}).Evaluate(inner, status)
	if err != nil {
		return nil, fmt.Errorf("the expression %q cannot be evaluated: %w", strings.TrimSpace(inner), err)
	}
	return value, nil
}

func bare(text string) string {
	text = strings.TrimSpace(text)
	if parts := split(text); len(parts) == 1 && parts[0].expression {
		return parts[0].text
	}
	return text
}

var servicePort = regexp.MustCompile(`job\.services\.([A-Za-z0-9_-]+)\.(?:ports\[\s*'?([0-9]+)'?\s*\]|(id|network)\b)`)

// withPorts puts the ports of services in as literals.
func (e *Env) withPorts(text string) string {
	return servicePort.ReplaceAllStringFunc(text, func(found string) string {
		parts := servicePort.FindStringSubmatch(found)
		if port, known := e.Ports[parts[1]][parts[2]]; known {
			return fmt.Sprintf("'%d'", port)
		}
		return "''"
	})
}

// Text replaces the expressions in a text by their values.
func (e *Env) Text(text string) (string, error) {
	if !strings.Contains(text, "${{") {
		return text, nil
	}
	var out strings.Builder
	for _, p := range split(text) {
		if !p.expression {
			out.WriteString(p.text)
			continue
		}
		value, err := e.Value(p.text)
		if err != nil {
			return "", err
		}
		out.WriteString(String(value))
	}
	return out.String(), nil
}

// Texts is Text of all values of a map.
func (e *Env) Texts(texts map[string]string) (map[string]string, error) {
	result := make(map[string]string, len(texts))
	for name, text := range texts {
		value, err := e.Text(text)
		if err != nil {
			return nil, err
		}
		result[name] = value
	}
	return result, nil
}

// Condition evaluates an `if`; without a status function it asks for success().
func (e *Env) Condition(text string) (bool, error) {
	text = strings.TrimSpace(text)
	if parts := split(text); strings.Contains(text, "${{") && (len(parts) != 1 || !parts[0].expression) {
		// A text around an expression is a text, and true unless empty.
		value, err := e.Text(text)
		if err != nil {
			return false, err
		}
		text = "'" + strings.ReplaceAll(value, "'", "''") + "'"
	}
	value, err := e.evaluate(text, exprparser.DefaultStatusCheckSuccess)
	return err == nil && exprparser.IsTruthy(value), err
}

// Node evaluates all expressions in YAML into plain values.
func (e *Env) Node(node *yaml.Node) (any, error) {
	switch node.Kind {
	case yaml.DocumentNode:
		return e.Node(node.Content[0])
	case yaml.AliasNode:
		return e.Node(node.Alias)
	case yaml.MappingNode:
		result := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			value, err := e.Node(node.Content[i+1])
			if err != nil {
				return nil, err
			}
			result[node.Content[i].Value] = value
		}
		return result, nil
	case yaml.SequenceNode:
		result := []any{}
		for _, item := range node.Content {
			value, err := e.Node(item)
			if err != nil {
				return nil, err
			}
			result = append(result, value)
		}
		return result, nil
	case yaml.ScalarNode:
		return e.scalar(node)
	}
	return nil, nil
}

func (e *Env) scalar(node *yaml.Node) (any, error) {
	if strings.Contains(node.Value, "${{") {
		if parts := split(strings.TrimSpace(node.Value)); len(parts) == 1 && parts[0].expression {
			return e.Value(parts[0].text)
		}
		return e.Text(node.Value)
	}
	var value any
	err := node.Decode(&value)
	return value, err
}

// String is a value as the remote writes it into a text.
func String(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return fmt.Sprintf("%d", int64(v))
		}
		return fmt.Sprintf("%.15G", v)
	case []any:
		return "Array"
	case map[string]any:
		return "Object"
	}
	return fmt.Sprint(value)
}

type part struct {
	text       string
	expression bool
}

// split parts a text into expressions and what is between them. A }} within an
// expression's quotes does not end it; what is never closed is plain text.
func split(text string) []part {
	var parts []part
	for {
		start := strings.Index(text, "${{")
		if start < 0 {
			break
		}
		end := closing(text[start+3:])
		if end < 0 {
			break
		}
		if start > 0 {
			parts = append(parts, part{text: text[:start]})
		}
		parts = append(parts, part{text: strings.TrimSpace(text[start+3 : start+3+end]), expression: true})
		text = text[start+3+end+2:]
	}
	if text != "" {
		parts = append(parts, part{text: text})
	}
	return parts
}

func closing(text string) int {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '\'':
			quoted = !quoted
		case !quoted && strings.HasPrefix(text[i:], "}}"):
			return i
		}
	}
	return -1
}
