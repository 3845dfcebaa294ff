package expression

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

func env() *Env {
	e := New()
	e.Env = map[string]string{"NAME": "value", "TRICKY": "}}"}
	e.Matrix = map[string]any{"version": 1.5, "list": []any{"a", "b"}, "whole": 3.0}
	e.Ports = map[string]map[string]int{"db": {"5432": 40001}}
	return e
}

func TestTextsWithExpressions(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                                              "plain",
		"${{ env.NAME }}":                                    "value",
		"a ${{ env.NAME }} b ${{ env.NONE }}.":               "a value b .",
		"${{ '}}' }} and ${{ 'it''s' }}":                     "}} and it's",
		"${{ matrix.version }}-${{ matrix.whole }}":          "1.5-3",
		"${{ true }} ${{ null }} ${{ 1 == 1 }}":              "true  true",
		"${{ matrix.list }}":                                 "Array",
		"${{ job.services.db.ports[5432] }}":                 "40001",
		"${{ job.services.db.ports['5432'] }}":               "40001",
		"${{ job.services.none.ports[1] }}":                  "",
		"never ${{ closed":                                   "never ${{ closed",
		"${{ format('{0}-{1}', 'a', env.NAME) }}":            "a-value",
		"${{ contains(matrix.list, 'b') && 'yes' || 'no' }}": "yes",
		"${{ join(matrix.list, '+') }}":                      "a+b",
	} {
		got, err := env().Text(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
}

func TestConditions(t *testing.T) {
	for text, want := range map[string][2]bool{ // after success, after failure
		"":                                 {true, false},
		"env.NAME == 'value'":              {true, false},
		"${{ env.NAME == 'value' }}":       {true, false},
		"env.NAME == 'other'":              {false, false},
		"always()":                         {true, true},
		"failure()":                        {false, true},
		"${{ !cancelled() }}":              {true, true},
		"${{ env.NONE }} == 'x'":           {true, false}, // a text, and true
		"${{ env.NAME }}":                  {true, false},
		"success() || env.NAME == 'value'": {true, true},
	} {
		for i, status := range []string{"success", "failure"} {
			e := env()
			e.Job.Status = status
			got, err := e.Condition(text)
			require.NoError(t, err, text)
			require.Equal(t, want[i], got, "%s after %s", text, status)
		}
	}
}

func TestWhatCannotBeEvaluatedIsAnError(t *testing.T) {
	for _, text := range []string{"${{ env. }}", "${{ nothing.at.all }}", "${{ fromJSON('[') }}", "${{ unknown() }}"} {
		_, err := env().Text(text)
		require.ErrorContains(t, err, "cannot be evaluated", text)
	}
}

func TestNodes(t *testing.T) {
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal([]byte("a: ${{ matrix.list }}\nb: [x, '${{ env.NAME }}', 2]\nc: {d: true}\n"), &node))
	got, err := env().Node(&node)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": []any{"a", "b"}, "b": []any{"x", "value", 2}, "c": map[string]any{"d": true}}, got)
}
