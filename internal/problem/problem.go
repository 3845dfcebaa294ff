// Package problem is how failures are told to users: a component, a code, what
// happened, what to do, and the exit status that goes with it.
package problem

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Exit statuses of every program of pawskind (addendum §9).
const (
	ExitOK          = 0
	ExitGeneral     = 1
	ExitValidation  = 2
	ExitResource    = 3
	ExitNetwork     = 4
	ExitHealth      = 5
	ExitInterrupted = 130
)

// Problem is one failure, told to a user.
type Problem struct {
	// Code is in the registry, which gives the component and the exit status.
	Code Code `json:"code"`
	// What happened, in one sentence.
	What string `json:"what"`
	// Remedy is what to do about it.
	Remedy string `json:"remedy"`
	// Cause is the underlying error, if any.
	Cause error `json:"-"`
}

// New is the problem of that code with the registry's remedy.
func New(code Code, format string, args ...any) *Problem {
	return &Problem{Code: code, What: fmt.Sprintf(format, args...), Remedy: code.entry().Remedy}
}

// Do replaces the remedy.
func (p *Problem) Do(format string, args ...any) *Problem {
	p.Remedy = fmt.Sprintf(format, args...)
	return p
}

// Because adds the underlying error to what happened.
func (p *Problem) Because(err error) *Problem {
	if err != nil {
		p.Cause = err
		p.What += ": " + err.Error()
	}
	return p
}

// Error is the line that the user sees.
func (p *Problem) Error() string {
	return fmt.Sprintf("[%s] %s: %s | %s", p.Code.Component(), p.Code, oneLine(p.What), p.Remedy)
}

// Unwrap gives the underlying error.
func (p *Problem) Unwrap() error { return p.Cause }

// Exit is the exit status.
func (p *Problem) Exit() int { return p.Code.entry().Exit }

// Several are problems that were found together.
type Several []*Problem

// Error is all their lines.
func (s Several) Error() string {
	lines := make([]string, len(s))
	for i, p := range s {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Exit is the status to end with after the error.
func Exit(err error) int {
	if err == nil {
		return ExitOK
	}
	var several Several
	if errors.As(err, &several) && len(several) > 0 {
		return several[0].Exit()
	}
	var one *Problem
	if errors.As(err, &one) {
		return one.Exit()
	}
	if errors.Is(err, context.Canceled) {
		return ExitInterrupted
	}
	return ExitGeneral
}

// Of turns any error into problems, so that everything a user sees has a code.
func Of(err error) Several {
	var several Several
	if errors.As(err, &several) {
		return several
	}
	var one *Problem
	switch {
	case errors.As(err, &one):
		return Several{one}
	case errors.Is(err, context.Canceled):
		return Several{New(Interrupted, "interrupted")}
	default:
		return Several{New(General, "%s", err)}
	}
}

func oneLine(text string) string {
	return strings.Join(strings.Fields(text), " ")
}
