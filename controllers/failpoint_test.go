package controllers

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Only a local cluster's operator ends itself, and only where it is told to.
func TestFailpointsAreLocal(t *testing.T) {
	var ended []int
	r := &Reconciler{Local: true, exit: func(status int) { ended = append(ended, status) }}
	r.failpoint(failReplaced)
	t.Setenv(FailpointVariable, failReplaced)
	r.failpoint(failKilled)
	require.Empty(t, ended)
	r.failpoint(failReplaced)
	require.Equal(t, []int{FailpointStatus}, ended)
	r.Local = false
	r.failpoint(failReplaced)
	require.Len(t, ended, 1)
}

// Each failpoint is somewhere in the code, and once.
func TestEveryFailpointIsPassed(t *testing.T) {
	passed := map[string]int{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if f, ok := call.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "failpoint" {
				passed[call.Args[0].(*ast.Ident).Name]++
			}
			return true
		})
	}
	require.Len(t, passed, len(Failpoints()))
	for name, times := range passed {
		require.Equal(t, 1, times, name)
	}
}
