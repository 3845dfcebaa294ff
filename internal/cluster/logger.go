package cluster

import (
	"fmt"
	"strings"
	"unicode"

	"sigs.k8s.io/kind/pkg/log"
)

// Logger takes kind's messages apart: steps go to Step, the rest to Detail.
type Logger struct {
	// Step is told what kind begins, such as "Starting control-plane".
	Step func(string)
	// Detail is told everything else; nil drops it.
	Detail func(string)
}

var _ log.Logger = Logger{}

// Warn is part of kind's interface.
func (l Logger) Warn(message string) { l.detail(message) }

// Warnf is part of kind's interface.
func (l Logger) Warnf(format string, args ...any) { l.detail(fmt.Sprintf(format, args...)) }

// Error is part of kind's interface.
func (l Logger) Error(message string) { l.detail(message) }

// Errorf is part of kind's interface.
func (l Logger) Errorf(format string, args ...any) { l.detail(fmt.Sprintf(format, args...)) }

// V is part of kind's interface. Its traces are dropped unless they are asked for.
func (l Logger) V(level log.Level) log.InfoLogger { return infoLogger{l, level} }

func (l Logger) detail(message string) {
	if l.Detail != nil {
		l.Detail(strings.TrimSpace(message))
	}
}

type infoLogger struct {
	Logger
	level log.Level
}

func (i infoLogger) Enabled() bool { return i.level <= 0 || i.Detail != nil && i.level <= 3 }

func (i infoLogger) Infof(format string, args ...any) { i.Info(fmt.Sprintf(format, args...)) }

func (i infoLogger) Info(message string) {
	step, isStep := strings.CutPrefix(message, " • ")
	switch {
	case isStep && i.level <= 0:
		if i.Step != nil {
			i.Step(plain(step))
		}
	case i.level <= 0 && strings.HasPrefix(message, " ✓ "):
	case i.Enabled():
		i.detail(message)
	}
}

// plain drops kind's pictures and dots.
func plain(step string) string {
	step = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(step), "..."))
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r > unicode.MaxLatin1 {
			return -1
		}
		return r
	}, step))
}
